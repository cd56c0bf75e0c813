// Several doorbells of one owner in one testbed: they are added, ring, get requests, grant separately and are removed, with and without a
// running `up`; none is confused with another.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { callCommand } from '../../support/call-command.ts';
import { processesNaming, Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const CAMERA = 'synthetic?size=320x180&audio=off';
const PORT = 18_960;
const US = 1_000_000;

const doorbellSchema = z.object({
  name: z.string(),
  device: z.string().nullable(),
  camera: z.string(),
  running: z.boolean(),
  console: z.string().nullable(),
});
const windowSchema = z.object({ startUs: z.number(), endUs: z.number() });
const upSchema = z.object({
  isNew: z.boolean(),
  device: z.string(),
  doorbells: z.array(z.object({ name: z.string(), device: z.string(), console: z.string().nullable() })),
});
const stateSchema = z.object({ state: z.object({ ring: z.object({ coverage: z.array(windowSchema) }) }) });
const requestsSchema = z.object({
  requests: z.array(
    z.object({ jti: z.string(), doorbell: z.string(), device: z.string(), coverage: z.array(windowSchema) }),
  ),
});

const iso = (atUs: number) =>
  `${new Date(Math.floor(atUs / 1e6) * 1e3).toISOString().slice(0, 19)}.${String(atUs % US).padStart(6, '0')}Z`;
const page = (n: number) => `http://127.0.0.1:${PORT + 3 + n}`;

describe('several doorbells', { tags: ['long'] }, () => {
  const folder = temporaryFolder('doorbells');
  const data = join(folder.path, 'testbed');
  const at = (...path: string[]) => join(data, ...path);
  let up: Running;
  let taken: Server | null = null;
  /** The first run's output about them. */
  let first: z.infer<typeof upSchema>;
  let garage = '';
  let clipOfGarage = '';
  /** The grant, and until when another doorbell has footage of it. */
  let given = { request: '', grant: '', endUs: 0 };

  const begin = (...words: string[]) =>
    new Running(['up', '--no-ask', '--data', data, '--camera', CAMERA, '--port', String(PORT), '--json', ...words]);
  const told = async () => upSchema.parse(await up.line('the testbed', (line) => line['event'] === 'up', 100));

  beforeAll(async () => {
    up = begin('--doorbells', '2');
    first = await told();
  }, 120_000);
  afterAll(async () => {
    await up.stop();
    taken?.close();
    folder.dispose();
  });

  /** A command's last line, or its refusal with the exit status. */
  async function say(...words: string[]): Promise<Record<string, unknown>> {
    const { status, last, stderr } = await callCommand([...words, '--data', data, '--json']);
    if (status === 0) return last as Record<string, unknown>;
    return { ...JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error, status };
  }
  const list = async () => z.object({ doorbells: z.array(doorbellSchema) }).parse(await say('up', 'list')).doorbells;
  const requests = async () => requestsSchema.parse(await say('grant', '--list')).requests;
  const othersOf = (path: string) => JSON.parse(readFileSync(join(path, 'device.json'), 'utf8')).console.others;
  const vaulted = () => readdirSync(at('vault', 'blobs'));

  it('are created in the requested number, each with its own device, page and folder, and one owner', async () => {
    expect(first).toMatchObject({
      isNew: true,
      doorbells: [
        { name: 'Front door', device: first.device, console: page(1) },
        { name: 'Doorbell 2', console: page(2) },
      ],
    });
    expect(new Set(first.doorbells.map(({ device }) => device)).size).toBe(2);
    for (const { console: url, device } of first.doorbells)
      expect(await (await fetch(`${url}/api/v1/server`)).json()).toMatchObject({ device });
    expect(readdirSync(at('owner')).filter((name) => name.endsWith('.key'))).toEqual(['owner.key']);
    expect(readdirSync(at('owner', 'homes')).sort()).toEqual(
      first.doorbells.map(({ device }) => `${device}.json`).sort(),
    );
  }, 30_000);

  it('can be added at run time, and each page links to the others', async () => {
    const added = await say('up', 'add', 'Garage', '--camera', CAMERA);
    expect(added, JSON.stringify(added)).toMatchObject({ name: 'Garage', running: true, console: page(3) });
    garage = String(added['device']);
    await up.line('the new one', (line) => line['event'] === 'doorbell-added' && line['device'] === garage, 10);
    expect(await list()).toEqual([
      expect.objectContaining({ name: 'Front door', device: first.device, running: true, console: page(1) }),
      expect.objectContaining({ name: 'Doorbell 2', running: true, console: page(2) }),
      expect.objectContaining({ name: 'Garage', device: garage, running: true, console: page(3) }),
    ]);
    expect(othersOf(at('doorbell'))).toEqual([
      { name: 'Doorbell 2', url: page(2) },
      { name: 'Garage', url: page(3) },
    ]);
    expect(othersOf(at('doorbells', '3'))).toEqual([
      { name: 'Front door', url: page(1) },
      { name: 'Doorbell 2', url: page(2) },
    ]);
    expect(await say('up', 'add', 'garage')).toMatchObject({ code: 'doorbell_name_taken', status: 2 });
  }, 90_000);

  it('ring by name or id, and not without one', async () => {
    for (const [word, name] of [
      ['Front door', 'Front door'],
      ['doorbell 2', 'Doorbell 2'],
      [garage, 'Garage'],
    ]) {
      const before = up.lines.length;
      expect(await say('ring', '--device', String(word))).toMatchObject({ outcome: 'rang' });
      await up.line('the bell', (line) => line['event'] === 'ring' && line['doorbell'] === name, 20, before);
    }
    const before = up.lines.length;
    expect(await say('ring')).toMatchObject({
      code: 'doorbell_not_named',
      message: expect.stringContaining('Doorbell 2 | Front door | Garage'),
      status: 2,
    });
    expect(await say('ring', '--device', 'Shed')).toMatchObject({ code: 'doorbell_unknown', status: 2 });
    expect(up.lines.slice(before).filter((line) => line['event'] === 'ring' && line['source'] === 'command')).toEqual(
      [],
    );
  }, 60_000);

  it('all get the request, and exactly the named one grants', async () => {
    await expect
      .poll(
        async () => {
          const states = await Promise.all(
            ['Front door', 'Garage'].map(async (name) =>
              stateSchema.parse(await say('watch', '--once', '--device', name)),
            ),
          );
          return states.every(({ state }) => state.ring.coverage.some((span) => span.endUs - span.startUs > 3 * US));
        },
        { timeout: 60_000, interval: 500 },
      )
      .toBe(true);
    const request = String((await say('agency', 'request'))['request']);
    await expect.poll(async () => (await requests()).length, { timeout: 30_000, interval: 500 }).toBe(3);
    const asked = await requests();
    expect(asked.map(({ jti, doorbell }) => [jti, doorbell]).sort()).toEqual(
      ['Doorbell 2', 'Front door', 'Garage'].map((name) => [request, name]),
    );
    const endUs = asked.find(({ doorbell }) => doorbell === 'Garage')?.coverage.at(-1)?.endUs ?? 0;
    const span = ['--from', iso(endUs - 2 * US), '--to', iso(endUs)];
    for (const verb of [
      ['grant', request, ...span],
      ['deny', request],
    ])
      expect(await say(...verb)).toMatchObject({ code: 'doorbell_not_named', status: 2 });
    expect(vaulted()).toEqual([]);
    const granted = await say('grant', request, ...span, '--device', 'Garage');
    expect(granted, JSON.stringify(granted)).toMatchObject({ outcome: 'sent', request });
    await expect.poll(vaulted, { timeout: 30_000, interval: 200 }).toHaveLength(1);
    const types = async (name: string) => (await say('verify', '--ledger', '--device', name))['types'];
    expect(await types('Garage')).toMatchObject({ granted: 1 });
    for (const name of ['Front door', 'Doorbell 2']) expect(await types(name)).not.toHaveProperty('granted');
    // The same arguments repeat the same grant; a request alone identifies its doorbell if only one is possible.
    expect(await say('grant', request, ...span, '--device', 'Garage')).toMatchObject({ grant: granted['grant'] });
    expect(await say('left', 'proof', request)).toMatchObject({ grant: granted['grant'] });
    expect(vaulted()).toHaveLength(1);
    [clipOfGarage = ''] = vaulted();
    const other = asked.find(({ doorbell }) => doorbell === 'Front door');
    given = { request, grant: String(granted['grant']), endUs: other?.coverage.at(-1)?.endUs ?? 0 };
  }, 120_000);

  it('each revoke their own grant of one request', async () => {
    const { request, endUs } = given;
    // Granted at one doorbell and open at another: ambiguous.
    expect(await say('deny', request)).toMatchObject({ code: 'doorbell_not_named' });
    const span = ['--from', iso(endUs - US), '--to', iso(endUs)];
    const second = await say('grant', request, ...span, '--device', 'Front door');
    expect(second, JSON.stringify(second)).toMatchObject({ outcome: 'sent' });
    const third = await say('grant', request, ...span, '--device', 'Doorbell 2');
    expect(third, JSON.stringify(third)).toMatchObject({ outcome: 'sent' });
    for (const verb of [['revoke'], ['left', 'proof']])
      expect(await say(...verb, request)).toMatchObject({ code: 'doorbell_not_named', status: 2 });
    const revoked = await say('revoke', request, '--device', 'Front door');
    expect(revoked, JSON.stringify(revoked)).toMatchObject({ grant: second['grant'] });
    expect(await say('left', 'proof', given.grant)).toMatchObject({ grant: given.grant });
  }, 90_000);

  it('are removed only after a confirmation, and the first never', async () => {
    expect(await say('up', 'remove', 'Garage')).toMatchObject({ code: 'doorbell_unconfirmed', status: 3 });
    expect(await say('up', 'remove', 'Front door', '--yes')).toMatchObject({ code: 'doorbell_first', status: 2 });
    expect(await say('up', 'remove', 'Shed', '--yes')).toMatchObject({ code: 'doorbell_unknown', status: 2 });
    expect((await list()).filter(({ running }) => running)).toHaveLength(3);
    const { findings } = z
      .object({ findings: z.array(z.object({ what: z.string(), level: z.string(), detail: z.string() })) })
      .parse(await say('doctor'));
    const pages = findings.filter(({ what }) => what === 'page').map(({ level, detail }) => `${level} ${detail}`);
    expect(pages).toEqual([`ok Front door: ${page(1)}`, `ok Doorbell 2: ${page(2)}`, `ok Garage: ${page(3)}`]);
  }, 60_000);

  it('are removed with all their data while the others run; the vault keeps its clip', async () => {
    const clip = at('vault', 'blobs', clipOfGarage, 'clip.mp4');
    const before = readFileSync(clip);
    expect(await say('up', 'remove', 'Garage', '--yes')).toMatchObject({ name: 'Garage', outcome: 'removed' });
    await up.line('the removal', (line) => line['event'] === 'doorbell-removed' && line['device'] === garage, 10);
    expect(readdirSync(at('doorbells'))).toEqual(['2']);
    expect(existsSync(at('owner', 'homes', `${garage}.json`))).toBe(false);
    const accounts = readdirSync(at('broker', 'accounts')).map((name) =>
      readFileSync(at('broker', 'accounts', name), 'utf8'),
    );
    expect(accounts.filter((text) => text.includes(garage))).toEqual([]);
    expect(processesNaming(at('doorbells', '3'))).toEqual([]);
    expect(othersOf(at('doorbell'))).toEqual([{ name: 'Doorbell 2', url: page(2) }]);
    expect(readFileSync(clip).equals(before)).toBe(true);
    expect((await list()).map(({ name, running }) => [name, running])).toEqual([
      ['Front door', true],
      ['Doorbell 2', true],
    ]);
    const ring = up.lines.length;
    expect(await say('ring', '--device', 'Doorbell 2')).toMatchObject({ outcome: 'rang' });
    await up.line('the other bell', (line) => line['event'] === 'ring' && line['doorbell'] === 'Doorbell 2', 20, ring);
  }, 60_000);

  it('are not affected by a second `up` on their folder', async () => {
    const second = await runCommand(['up', '--data', data, '--port', String(PORT + 30), '--json']);
    expect([second.status, second.stderr]).toEqual([5, expect.stringContaining('data_folder_locked')]);
    expect((await list()).filter(({ running }) => running)).toHaveLength(2);
    const added = await say('up', 'add', 'Attic', '--camera', CAMERA);
    expect(added).toMatchObject({ running: true });
    expect(await say('up', 'remove', String(added['device']), '--yes')).toMatchObject({ outcome: 'removed' });
  }, 90_000);

  it('leave no process, and one more can be added while nothing runs', async () => {
    await up.stop();
    expect(processesNaming(data)).toEqual([]);
    expect(existsSync(at('run', 'control.sock'))).toBe(false);
    expect(await say('up', 'add', 'Shed', '--camera', CAMERA)).toMatchObject({ name: 'Shed', running: false });
    expect((await list()).map(({ name, running, console: url }) => [name, running, url])).toEqual([
      ['Front door', false, null],
      ['Doorbell 2', false, null],
      ['Shed', false, null],
    ]);
    const fewer = await runCommand(['up', '--doorbells', '2', '--data', data, '--json']);
    expect([fewer.status, fewer.stderr]).toEqual([2, expect.stringContaining('doorbells_fewer')]);
    expect(await list()).toHaveLength(3);
  }, 60_000);

  it('come back with the same identities and pages; a page whose port is taken moves permanently', async () => {
    taken = createServer();
    await new Promise<void>((resolve) => taken?.listen(PORT + 5, '127.0.0.1', resolve));
    up = begin();
    const again = await told();
    expect(again).toMatchObject({
      isNew: false,
      doorbells: [
        first.doorbells[0],
        { name: 'Doorbell 2', device: first.doorbells[1]?.device },
        { name: 'Shed', console: page(3) },
      ],
    });
    const moved = String(again.doorbells[1]?.console);
    expect(moved).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(moved).not.toBe(page(2));
    expect(await (await fetch(`${moved}/api/v1/server`)).json()).toMatchObject({ device: again.doorbells[1]?.device });
    expect(othersOf(at('doorbell'))).toContainEqual({ name: 'Doorbell 2', url: moved });
    await up.stop();
    taken.close();
    up = begin();
    expect((await told()).doorbells[1]?.console).toBe(moved);
    await up.stop();
    expect(processesNaming(data)).toEqual([]);
  }, 120_000);
});
