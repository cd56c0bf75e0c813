// @module-tag long
// The story as a user runs it: `up`, the printed grant command, the clip at the bridge; then a second run, and Ctrl-C.
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { agencyId, loadAgencyKey, signAccess } from '../../../sim/officer/agency-client.ts';
import { openEvidenceClient } from '../../../sim/officer/evidence-client.ts';
import { readVaultClip, vaultItem } from '../../../sim/testbed/vault-clip.ts';
import { processesNaming, Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const seams = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk() };
const requestLine = z.object({ request: z.string(), grant: z.string() });
const sentLine = z.object({
  clip: z.object({
    ...{ id: z.string(), sha256: z.string(), frames: z.number(), disclosed: z.array(z.string()) },
    sealed: z.object({ clipSha256: z.string(), keeper: z.literal('vault') }),
  }),
  folder: z.string(),
});
const keyed = z.object({ id: z.string(), url: z.string(), key: z.string() });
const upLine = z.object({ bridge: z.object({ id: z.string(), url: z.string() }), vault: keyed, isNew: z.boolean() });

/** The arguments of a printed command. */
const wordsOf = (grant: string) => grant.slice(grant.indexOf(' grant ') + 1).split(' ');

/** Not the default: parallel tests' testbeds may take that one between two runs. */
const PORT = '18930';

describe('up', () => {
  const folder = temporaryFolder('story');
  const data = join(folder.path, 'testbed');
  let up: Running;
  let sent: z.infer<typeof sentLine>;
  let testbed: z.infer<typeof upLine>;
  let upSaid: Record<string, unknown>;
  let grantWords: string[];
  const opening = ['--key', join(data, 'vault', 'sealing.keys')];

  beforeAll(async () => {
    up = new Running(['up', '--data', data, '--port', PORT, '--json']);
    upSaid = await up.line('the testbed', (line) => line['event'] === 'up');
    testbed = upLine.parse(upSaid);
    const request = requestLine.parse(await up.line('a request', (line) => line['event'] === 'request'));
    grantWords = wordsOf(request.grant);
    const granted = await runCommand([...grantWords, '--json']);
    expect(granted.status, granted.stderr).toBe(0);
    expect(granted.last).toMatchObject({ outcome: 'sent' });
    sent = sentLine.parse(await up.line('the clip in the vault', (line) => line['event'] === 'sent'));
  }, 90_000);

  afterAll(async () => {
    await up.stop();
    folder.dispose();
  });

  it('completes the story with the printed grant line, disclosing exactly what the line names', () => {
    expect(sent.clip.disclosed).toEqual(['address', 'email']);
    // 4 s at 15 frames a second.
    expect(sent.clip.frames).toBe(60);
    expect(sha256Hex(readFileSync(join(sent.folder, 'clip.mp4')))).toBe(sent.clip.sha256);
  });

  it('sends no sound, because the printed line names none', async () => {
    expect(grantWords).not.toContain('--audio');
    const parts: Uint8Array[] = [];
    for await (const part of (await readVaultClip(seams.disk, vaultItem(data, basename(sent.folder)))).read())
      parts.push(part);
    const clip = Buffer.concat(parts);
    expect([clip.includes('vide'), clip.includes('soun')]).toEqual([true, false]);
  });

  it('answers the same line again without a second clip', async () => {
    const again = await runCommand([...grantWords, '--json']);
    expect(again.status, again.stderr).toBe(0);
    expect(readdirSync(join(data, 'vault', 'blobs'))).toEqual([basename(sent.folder)]);
    expect(readdirSync(join(data, 'bridge', 'clips'))).toEqual([]);
  });

  it('stores a clip that anyone can verify offline, and finds a changed byte', async () => {
    const [clip, manifest] = [join(sent.folder, 'clip.mp4'), join(sent.folder, 'manifest.jws')];
    expect((await runCommand(['verify', clip, manifest, ...opening, '--json'])).status).toBe(0);
    const other = await runCommand(['verify', join(data, 'town.json'), manifest, '--json']);
    expect(other.status).toBe(3);
    expect(other.stderr).toContain('verify_failed');
  });

  it('serves the clip to the agency that asked and to nobody else', async () => {
    const key = await loadAgencyKey(seams, join(data, 'agency'));
    const stranger = await loadAgencyKey(seams, join(folder.path, 'stranger'));
    const get = (path: string, bearer?: string) =>
      fetch(`${testbed.bridge.url}/v1/clips/${path}`, {
        redirect: 'manual',
        ...(bearer ? { headers: { authorization: `Bearer ${bearer}` } } : {}),
      });
    const access = (by: typeof key) =>
      signAccess(seams, by, testbed.bridge.id, { clip: sent.clip.id, officer: 'Sgt. Hill', reason: 'case review' });

    // The bridge names the clip's location; the vault requires the officer's own token.
    const clip = await get(sent.clip.id, access(key));
    expect(clip.status).toBe(303);
    const evidence = `/evidence/${basename(sent.folder)}`;
    const agency = agencyId(key);
    expect(clip.headers.get('location')).toBe(`${testbed.vault.url}/v1/agencies/${agency}${evidence}`);
    expect((await fetch(clip.headers.get('location') ?? '')).status).toBe(401);
    const desk = await openEvidenceClient(
      seams,
      { url: testbed.vault.url, folder: join(data, 'vault') },
      { id: agency, folder: join(data, 'agency') },
    );
    const who = { officer: 'Sgt. Hill', reason: 'case review' };
    const item = basename(sent.folder);
    const link = await desk.call('createLink', who, { item });
    const bytes = new Uint8Array(await (await fetch(link.url)).arrayBuffer());
    expect(sha256Hex(bytes)).toBe(sent.clip.sealed.clipSha256);
    expect((await fetch(link.url)).status).toBe(410);
    const manifest = readFileSync(join(sent.folder, 'manifest.jws'), 'utf8');
    expect(await desk.call('readStatement', who, { item })).toEqual({ manifest });
    expect((await get(`${sent.clip.id}/manifest`, access(key))).status).toBe(303);
    expect((await get(sent.clip.id)).status).toBe(401);
    expect((await get(sent.clip.id, access(stranger))).status).toBe(403);
  });

  it('gives the owner the clip’s documents, and auditors every access', async () => {
    const out = join(folder.path, 'papers');
    const kept = await runCommand(['left', 'proof', grantWords[1] ?? '', '--data', data, '--out', out, '--json']);
    expect(kept.status, kept.stderr).toBe(0);
    const files = [join(sent.folder, 'clip.mp4'), join(sent.folder, 'manifest.jws')];
    const own = ['--receipt', join(out, 'receipt.jws'), '--proof', join(out, 'proof.json'), '--data', data];
    const verified = await runCommand(['verify', ...files, ...opening, ...own, '--json']);
    expect(verified.status, verified.stderr).toBe(0);
    expect(verified.last).toMatchObject({ custody: { leaf: kept.last?.['leaf'] } });

    const nameless = await runCommand(['audit', 'access', '--data', data, '--clip', sent.clip.id, '--json']);
    expect([nameless.status, nameless.lines]).toEqual([2, []]);
    expect(nameless.stderr).toContain('--officer NAME --reason TEXT');
    const who = ['--officer', 'Sgt. Hill', '--reason', 'audit'];
    const read = await runCommand(['audit', 'access', '--data', data, '--clip', sent.clip.id, ...who, '--json']);
    expect(read.status, read.stderr).toBe(0);
    expect(read.lines.map(({ action, part, reason }) => [action, part, reason])).toEqual([
      ['link', 'clip', 'case review'],
      ['link', 'manifest', 'case review'],
    ]);
    const table = join(folder.path, 'accesses.csv');
    const exporting = ['audit', 'access', '--data', data, '--admin', '--csv', '--out', table];
    writeFileSync(table, 'theirs', { mode: 0o644 });
    expect((await runCommand(exporting)).stderr).toContain('[output_taken]');
    expect(readFileSync(table, 'utf8')).toBe('theirs');
    rmSync(table);
    const exported = await runCommand(exporting);
    expect(exported.status, exported.stderr).toBe(0);
    expect([readFileSync(table, 'utf8').split('\r\n').length, statSync(table).mode & 0o777]).toEqual([5, 0o600]);
    expect((await runCommand(['audit', 'access', '--data', data, '--out', table])).stderr).toContain('[usage]');
    expect((await runCommand(['left', 'proof', 'request-of-nobody', '--data', data])).stderr).toContain('[usage]');
  }, 120_000);

  it('opens the full manifest for its owner and in a dispute, and checks it with the statement', async () => {
    const out = join(folder.path, 'opened');
    const kept = await runCommand([
      'left',
      'proof',
      grantWords[1] ?? '',
      '--data',
      data,
      '--out',
      out,
      '--manifest',
      '--json',
    ]);
    expect(kept.status, kept.stderr).toBe(0);
    const files = [join(sent.folder, 'clip.mp4'), join(sent.folder, 'manifest.jws')];
    expect((await runCommand(['verify', ...files, ...opening, '--json'])).last).toMatchObject({
      chain: 'statement',
      device: null,
    });
    const dispute = ['bridge', 'dispute', sent.clip.id, '--data', data, '--out', join(out, 'dispute.json')];
    expect((await runCommand(dispute)).stderr).toContain('[usage]');
    const opened = await runCommand([...dispute, '--reason', 'court order 2026-311', '--json']);
    expect(opened.status, opened.stderr).toBe(0);
    for (const name of ['opened.json', 'dispute.json']) {
      const both = await runCommand(['verify', ...files, ...opening, '--opened', join(out, name), '--json']);
      expect(both.last, both.stderr).toMatchObject({
        chain: 'statement and manifest',
        device: expect.stringMatching(/^device-/),
      });
    }
  }, 60_000);

  it('rings by command and publishes it', async () => {
    const before = up.lines.length;
    expect((await runCommand(['ring', '--data', data, '--json'])).status).toBe(0);
    await up.line('the bell', (line) => line['event'] === 'ring' && line['source'] === 'command', 10, before);
  });

  it('lets another doorbell of one’s own enrol with a code of its bridge', async () => {
    const porch = join(folder.path, 'porch');
    const { broker } = z.object({ broker: z.string() }).parse(upSaid);
    const words = ['--broker', join(data, 'broker'), '--home-url', broker, '--camera', 'synthetic?size=320x180'];
    const made = await runCommand(['device', 'init', '--data', porch, ...words, '--json']);
    expect(made.status, made.stderr).toBe(0);
    const printed = await runCommand(['bridge', 'enrol', '--data', data, '--json']);
    expect(printed.status, printed.stderr).toBe(0);
    const code = join(folder.path, 'code');
    writeFileSync(code, String(printed.last?.['code']), { mode: 0o600 });
    const device = new Running(['device', '--data', porch, '--enrol', code, '--json']);
    const ready = await device.line('the other doorbell', (line) => line['event'] === 'ready');
    await device.stop();
    expect(ready).toMatchObject({ enrolled: true });
  }, 60_000);

  it('stops the camera for privacy while the button still rings, and erases footage on command', async () => {
    const state = async () => (await runCommand(['watch', '--once', '--data', data, '--json'])).last;
    expect((await runCommand(['privacy', 'on', '--data', data])).status).toBe(0);
    await up.line('the camera off', (line) => line['event'] === 'camera' && line['state'] === 'off', 20);
    const before = up.lines.length;
    expect((await runCommand(['ring', '--data', data])).status).toBe(0);
    await up.line('the bell', (line) => line['event'] === 'ring', 10, before);
    expect((await runCommand(['forget', '--all', '--data', data])).status).toBe(0);
    // The receipt of an order may arrive before the resulting state.
    const forgotten = { state: { privacy: true, ring: { segments: 0, coverage: [] } } };
    await expect.poll(state, { timeout: 10_000 }).toMatchObject(forgotten);
    expect((await runCommand(['privacy', 'off', '--data', data])).status).toBe(0);
    const clock = await runCommand(['settings', 'trust-clock', '--data', data, '--json']);
    expect([clock.status, clock.last], clock.stderr).toMatchObject([0, { outcome: 'trusted' }]);
    await up.line('the camera again', (line) => line['state'] === 'recording', 20, before);
  }, 60_000);

  it('denies for the owner, finally', async () => {
    const asked = await runCommand(['agency', 'request', '--data', data, '--json']);
    expect(asked.status, asked.stderr).toBe(0);
    const id = String(asked.last?.['request']);
    await up.line('the second request', (line) => line['event'] === 'request' && line['request'] === id, 20);
    expect((await runCommand(['deny', id, '--data', data, '--json'])).status).toBe(0);
    const late = await runCommand(['grant', id, '--data', data, '--json']);
    expect(late.status).not.toBe(0);
    expect(late.stderr.trim().split('\n').at(-1)).toMatch(/consent_(denied_before|request_unknown)/);
  });

  it('revokes a delivered clip, and the vault erases it', async () => {
    const revoked = await runCommand(['revoke', grantWords[1] ?? '', '--data', data, '--json']);
    expect(revoked.status, revoked.stderr).toBe(0);
    const deleted = await up.line('the deletion', (line) => line['event'] === 'deleted', 20);
    expect(deleted['decision']).toBe('erased');
    expect(existsSync(join(sent.folder, 'clip.mp4'))).toBe(false);
  });

  it('finds its data again on a second run, and leaves no process on Ctrl-C', async () => {
    await up.stop();
    expect(processesNaming(data)).toEqual([]);
    up = new Running(['up', '--data', data, '--port', PORT, '--json']);
    const second = upLine.parse(await up.line('the testbed again', (line) => line['event'] === 'up'));
    expect(second).toEqual({ ...testbed, isNew: false });
    await up.line('a new request', (line) => line['event'] === 'request');
  }, 60_000);
});
