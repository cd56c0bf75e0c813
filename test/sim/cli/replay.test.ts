// @module-tag long
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { callCommand } from '../../support/call-command.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('replay-verb');
afterAll(folder.dispose);
const inFolder = (name: string) => join(folder.path, name);

/** A visitor comes, rings, and goes; small. */
const PORCH = 'synthetic?size=320x180&seconds=20';
const replay = (...args: string[]) => callCommand(['replay', ...args, '--json']);

function truthFile(name: string, changes: object = {}): string {
  const path = inFolder(name);
  const spans = [
    { event: 'motion', fromS: 0.4, toS: 13.8, label: 'visitor' },
    { event: 'ring', atS: 2.6 },
  ];
  writeFileSync(path, JSON.stringify({ format: 'doorsill-truth-1', durationS: 20, spans, ...changes }));
  return path;
}

/** Every file below a folder, by its path, with the hash of its bytes and its permissions. */
function filesIn(path: string): Map<string, { sha256: string; mode: number }> {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(path, name)).isFile(),
  );
  return new Map(
    names.sort().map((name) => [
      name,
      {
        sha256: createHash('sha256')
          .update(readFileSync(join(path, name)))
          .digest('hex'),
        mode: statSync(join(path, name)).mode & 0o777,
      },
    ]),
  );
}

describe('`replay`', () => {
  it('prints the doorbell’s events, and ends with the length of the footage', async () => {
    const ran = await runCommand(['replay', PORCH, '--start', '2026-03-29T01:59:50 Europe/Berlin', '--json']);
    expect(ran.status).toBe(0);
    const lines = ran.lines;
    expect(lines.find(({ event }) => event === 'ring')).toMatchObject({ atS: 2.6, button: 'front', camera: 'front' });
    expect(lines.find(({ event }) => event === 'event-window')).toMatchObject({ cause: 'ring' });
    expect(lines[0]).toMatchObject({
      event: 'camera',
      state: 'starting',
      atUs: Date.UTC(2026, 2, 29, 0, 59, 50) * 1_000,
    });
    expect(ran.last).toMatchObject({ event: 'replayed', lengthS: 20 });
  });

  it('gives the same events, pictures and clips, bit for bit, the second time', async () => {
    for (const name of ['one', 'other']) expect((await replay(PORCH, '--out', inFolder(name))).status).toBe(0);
    const [one, other] = ['one', 'other'].map((name) => filesIn(inFolder(name)));
    const kept = [...(one?.keys() ?? [])].filter((name) => /^(events\.jsonl|front\/)/.test(name));
    expect(kept.filter((name) => name.endsWith('.mp4')).length).toBeGreaterThan(0);
    expect(kept.filter((name) => name.endsWith('.jpg')).length).toBeGreaterThan(1);
    for (const name of kept) expect(other?.get(name)?.sha256, name).toBe(one?.get(name)?.sha256);
    expect([...(one?.values() ?? [])].filter(({ mode }) => mode !== 0o600)).toEqual([]);
    expect(statSync(inFolder('one')).mode & 0o777).toBe(0o700);
    expect(statSync(inFolder('one/front')).mode & 0o777).toBe(0o700);
  });

  it('judges by ground truth: status 0 for a match, 1 for missed or false events, which it prints', async () => {
    const right = await replay(PORCH, '--expect', truthFile('right.json'));
    expect(right).toMatchObject({ status: 0, last: { passed: true } });
    const spans = [{ event: 'motion', fromS: 16, toS: 19, label: 'cat' }];
    const wrong = await callCommand(['replay', PORCH, '--expect', truthFile('wrong.json', { spans })]);
    expect(wrong.status).toBe(1);
    expect(wrong.stdout).toContain('missed: motion (cat) at 16.0 s to 19.0 s');
    expect(wrong.stdout).toMatch(/false: motion at 0\.\d s/);
    expect(wrong.stdout).toContain('0 passed, 1 failed');
    const lenient = await replay(
      PORCH,
      '--expect',
      inFolder('wrong.json'),
      '--max-missed',
      '1',
      '--max-false',
      '1',
      '--max-delay',
      '9',
    );
    expect(lenient.last).toMatchObject({ passed: false, faults: [expect.stringContaining('time within spans')] });
  });

  it('plays a part several times with its truth', async () => {
    const args = ['--from', '1', '--to', '6', '--loop', '2'];
    const { last, status } = await replay(PORCH, ...args, '--expect', truthFile('part.json'));
    expect(last).toMatchObject({ lengthS: 10 });
    expect([0, 1]).toContain(status);
    expect(last).toMatchObject({ score: { matched: expect.any(Number) } });
  });

  it('replays cameras synchronously, each with its own doorbell', async () => {
    const ran = await replay(
      '--camera',
      `front=${PORCH}`,
      '--camera',
      'back=synthetic?size=320x180&seconds=10&play=nobody',
    );
    const lines = ran.lines;
    expect(lines.filter(({ event }) => event === 'ring').map(({ camera }) => camera)).toEqual(['front']);
    const ended = lines.filter(({ event, state }) => event === 'camera' && state === 'ended');
    expect(ended.map(({ camera, atS }) => [camera, atS])).toEqual([
      ['back', 10],
      ['front', 20],
    ]);
  });

  it('steps the doorbell’s clock like a leap second', async () => {
    const { lines } = await replay(PORCH, '--clock-step', '10=-1');
    const ended = lines.find(({ event, state }) => event === 'camera' && state === 'ended');
    expect(ended).toMatchObject({ atS: 19 });
  });

  it('shows images in the order of their numbers, and refuses them mixed with videos', async () => {
    const { last } = await replay('synthetic?size=320x180&seconds=20', '--out', inFolder('stills'));
    expect(last).toMatchObject({ out: inFolder('stills') });
    const jpeg = readFileSync(
      join(
        inFolder('stills'),
        'front',
        readdirSync(inFolder('stills/front')).find((name) => name.endsWith('.jpg')) ?? '',
      ),
    );
    mkdirSync(inFolder('images'));
    for (let at = 1; at <= 20; at += 1) writeFileSync(inFolder(`images/${at}.jpg`), jpeg);
    const shown = await replay(inFolder('images'), '--fps', '4');
    expect(shown.last).toMatchObject({ event: 'replayed', lengthS: 5 });
    writeFileSync(inFolder('images/21.mp4'), '');
    expect((await replay(inFolder('images'))).stderr).toContain('replay_footage_mixed');
  });

  it('ends at Ctrl-C, and keeps the events until then', async () => {
    const running = new Running([
      'replay',
      'synthetic?size=320x180&seconds=600',
      '--speed',
      'own',
      '--out',
      inFolder('cut'),
      '--json',
    ]);
    await running.line('a ring', ({ event }) => event === 'ring');
    running.child.kill('SIGINT');
    expect(await running.ended(20)).not.toBe(0);
    expect(running.stderr).toContain('interrupted');
    expect(readFileSync(inFolder('cut/events.jsonl'), 'utf8')).toContain('"event":"ring"');
  });

  it.each([
    [['nothere.mp4'], 'replay_no_footage', 6],
    [[], 'replay_no_footage', 6],
    [[PORCH, '--to', '0'], 'usage', 2],
    [[PORCH, '--speed', 'slow'], 'usage', 2],
    [[PORCH, '--start', '2026-02-30T00:00:00Z'], 'start_time_refused', 2],
    [[PORCH, '--camera', 'nameless'], 'usage', 2],
    [[PORCH, '--sensitivity', '101'], 'usage', 2],
    [[PORCH, '--clock-step', 'soon'], 'usage', 2],
    [[PORCH, '--expect', 'nothere.json'], 'truth_unreadable', 6],
    [[PORCH, '--tune'], 'usage', 2],
    [[PORCH, '--settings', 'nothere.json'], 'usage', 2],
  ])('refuses %j with %s', async (args, code, status) => {
    const ran = await replay(...args);
    expect(ran.stderr).toContain(`"code":"${code}"`);
    expect(ran.status).toBe(status);
  });

  it('ignores settings of notifications, connections and programs', async () => {
    const reached: string[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (data) => reached.push(data.toString('latin1').split('\r\n')[0] ?? ''));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const settings = {
      name: 'Garden gate',
      motion: { sensitivity: 50 },
      home: { url: `mqtt://127.0.0.1:${port}`, user: 'device-front', password: 'x' },
      homeAssistant: { enabled: true },
      notifications: [{ url: `http://127.0.0.1:${port}/door`, format: 'ntfy', on: ['press', 'motion', 'online'] }],
      bridgeUrl: `http://127.0.0.1:${port}`,
      areaUrl: `mqtt://127.0.0.1:${port}`,
      place: { longitude: -89.6, latitude: 39.8 },
      chime: { command: ['touch', inFolder('chimed')] },
    };
    writeFileSync(inFolder('gate.json'), JSON.stringify(settings));
    const ran = await replay(PORCH, '--settings', inFolder('gate.json'), '--speed', '10');
    server.close();
    expect(ran.status, ran.stderr).toBe(0);
    expect(ran.lines.filter(({ event }) => event === 'ring')).toHaveLength(1);
    expect(reached).toEqual([]);
    expect(existsSync(inFolder('chimed'))).toBe(false);
    // What device.json has no such word for is a mistake as ever.
    writeFileSync(inFolder('gate.json'), JSON.stringify({ ...settings, montion: {} }));
    expect((await replay(PORCH, '--settings', inFolder('gate.json'))).stderr).toContain('did you mean');
  });

  it('refuses folders that are not empty, and a paired doorbell’s, as source and as target', async () => {
    mkdirSync(inFolder('doorbell/footage'), { recursive: true });
    writeFileSync(inFolder('doorbell/device.key'), '', { mode: 0o600 });
    writeFileSync(inFolder('doorbell/footage/porch.mp4'), '');
    for (const args of [
      [inFolder('doorbell/footage/porch.mp4')],
      [inFolder('doorbell/footage')],
      [`${inFolder('doorbell/footage')}/*.mp4`],
      [PORCH, '--out', inFolder('doorbell/out')],
    ]) {
      expect((await replay(...args)).stderr, args.join(' ')).toContain('"code":"replay_folder_paired"');
    }
    expect((await replay(PORCH, '--out', folder.path)).stderr).toContain('"code":"replay_folder_taken"');
  });

  it('leaves no folder and no process, whether it ends or is stopped', async () => {
    mkdirSync(inFolder('tmp'));
    const environment = { TMPDIR: inFolder('tmp') };
    expect((await runCommand(['replay', PORCH, '--json'], { environment })).status).toBe(0);
    expect(readdirSync(inFolder('tmp'))).toEqual([]);
    const running = new Running(
      ['replay', 'synthetic?size=320x180&seconds=600', '--speed', 'own', '--json'],
      environment,
    );
    await running.line('recording', ({ event, state }) => event === 'camera' && state === 'recording');
    expect(readdirSync(inFolder('tmp'))).toHaveLength(1);
    expect(statSync(join(inFolder('tmp'), readdirSync(inFolder('tmp'))[0] ?? '')).mode & 0o777).toBe(0o700);
    running.child.kill('SIGTERM');
    await running.ended(20);
    expect(readdirSync(inFolder('tmp'))).toEqual([]);
  });

  it('reports a broken file at once', async () => {
    writeFileSync(inFolder('broken.mp4'), 'no video at all');
    const ran = await replay(inFolder('broken.mp4'));
    expect(ran.stderr).toContain('"code":"camera_refused_format"');
    expect(ran.stdout).toBe('');
  });

  it('tries sensitivities on footage that is decoded once, and prints the best', async () => {
    const ran = await replay(PORCH, '--expect', truthFile('tuned.json'), '--tune');
    expect(ran).toMatchObject({ status: 0, last: { event: 'tuned', best: { sensitivity: expect.any(Number) } } });
  });
});
