// @module-tag long
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Cam } from 'onvif/promises/index.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FAULTS } from '../../../sim/camera-server/fault-table.ts';
import { callCommand } from '../../support/call-command.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { RtspClient } from '../camera-server/support/rtsp-client.ts';

const RTSP = 'rtsp://127.0.0.1:0/porch';
const SMALL = 'synthetic?size=320x180';
let folder: ReturnType<typeof temporaryFolder>;
let running: Running | null = null;

beforeEach(() => {
  folder = temporaryFolder('camera');
});

afterEach(async () => {
  await running?.stop();
  running = null;
  folder.dispose();
});

describe('doorsill camera', () => {
  it('serves, adds and clears faults, and leaves nothing behind', async () => {
    const control = join(folder.path, 'porch.sock');
    const secret = join(folder.path, 'password');
    writeFileSync(secret, 'geheim\n');
    chmodSync(secret, 0o600);
    const login = ['--user', 'anna', '--password-file', secret];
    running = new Running([
      'camera',
      SMALL,
      '--serve',
      RTSP,
      '--control',
      control,
      ...login,
      '--fault',
      'noise@60s',
      '--json',
    ]);
    const serving = await running.line('serving', ({ event }) => event === 'serving');
    const [url = ''] = Array.isArray(serving['urls']) ? serving['urls'].map(String) : [];
    const port = Number(new URL(url).port);
    const viewer = new RtspClient(port);
    const refused = await viewer.ask('DESCRIBE');
    expect(refused.status).toBe(401);
    const proof = viewer.proof(refused.headers.get('www-authenticate') ?? '', 'DESCRIBE', 'anna', 'geheim');
    expect((await viewer.ask('DESCRIBE', { Authorization: proof })).status).toBe(200);
    const fault = (...words: string[]) => callCommand(['camera', 'fault', '--control', control, ...words, '--json']);
    const added = await fault('not-found');
    expect(added.last).toMatchObject({
      viewers: 0,
      serves: [url],
      faults: [
        { name: 'noise', fromS: 60 },
        { name: 'not-found', untilS: null },
      ],
    });
    const again = viewer.proof(refused.headers.get('www-authenticate') ?? '', 'DESCRIBE', 'anna', 'geheim');
    expect((await viewer.ask('DESCRIBE', { Authorization: again })).status).toBe(404);
    expect((await fault('--clear', 'all')).last).toMatchObject({ faults: [] });
    expect(JSON.parse((await fault('--clear', 'noise')).stderr)).toMatchObject({
      error: { code: 'camera_fault_not_set' },
    });
    expect(JSON.parse((await fault('nois')).stderr)).toMatchObject({ error: { code: 'camera_fault_unknown' } });
    viewer.end();
    await running.stop();
    expect(existsSync(control)).toBe(false);
  });

  it('lists its faults', async () => {
    const { lines } = await runCommand(['camera', 'faults', '--json']);
    expect(lines.map(({ fault }) => fault)).toEqual(Object.keys(FAULTS));
  });

  it.each([
    [['camera'], 'usage', 2],
    [['camera', SMALL, '--serve', 'rtsp://0.0.0.0:0/porch'], 'camera_open_to_all', 3],
    [['camera', SMALL, '--serve', RTSP, '--onvif', 'http://0.0.0.0:0'], 'camera_open_to_all', 3],
    [['camera', SMALL, '--serve', 'rtsp://192.0.2.1:8554/porch', '--no-login'], 'camera_address_unserved', 2],
    [['camera', '/no/such.mp4', '--serve', RTSP], 'camera_not_found', 6],
    [['camera', SMALL, '--serve', RTSP, '--copy'], 'camera_source_unserved', 2],
    [['camera', SMALL, '--serve', RTSP, '--fault', 'frozn'], 'camera_fault_unknown', 2],
    [['camera', SMALL, '--serve', RTSP, '--fault', 'black', '--fault', 'night'], 'camera_faults_contradict', 3],
    [['camera', SMALL, '--serve', RTSP, '--user', 'anna'], 'usage', 2],
    [['camera', SMALL, '--serve', RTSP, '--seed', 'x'], 'usage', 2],
    [['camera', SMALL, '--serve', RTSP, '--control', '/etc/hostname'], 'camera_control_unusable', 5],
    [['camera', 'fault', '--control', '/no/such.sock'], 'camera_control_silent', 4],
  ])('answers %j with the code %s and exit status %i', async (args, code, status) => {
    const done = await callCommand([...args, '--json']);
    expect(JSON.parse(done.stderr)).toMatchObject({ error: { code } });
    expect(done.status).toBe(status);
  });

  it('takes a number as control socket for a file name, not for a port', async () => {
    let connections = 0;
    const server = createServer(() => {
      connections += 1;
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const done = await callCommand(['camera', 'fault', '--control', String(port), '--json']);
    server.close();
    expect(JSON.parse(done.stderr)).toMatchObject({ error: { code: 'camera_control_silent' } });
    expect(connections).toBe(0);
  });

  it('reports that a port is taken, and ends its ffmpeg', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const done = await runCommand(['camera', SMALL, '--serve', `rtsp://127.0.0.1:${port}/porch`, '--json']);
    server.close();
    expect(JSON.parse(done.stderr)).toMatchObject({ error: { code: 'port_in_use' } });
  });

  it('gives a third-party ONVIF client its data, its stream’s address and presses, without login and addresses', async () => {
    const secret = join(folder.path, 'password');
    writeFileSync(secret, 'geheim\n', { mode: 0o600 });
    const login = ['--user', 'anna', '--password-file', secret];
    running = new Running(['camera', SMALL, '--serve', RTSP, '--onvif', 'http://127.0.0.1:0', ...login, '--json']);
    const { url: address } = await running.line('ONVIF', ({ event }) => event === 'onvif');
    const urls = running.lines.find(({ event }) => event === 'serving')?.['urls'];
    const { hostname, port } = new URL(String(address));
    const client = (password: string) =>
      new Cam({ hostname, port: Number(port), username: 'anna', password, timeout: 5_000 });
    const known = client('geheim');
    await known.connect();
    expect([(await known.getStreamUri()).uri]).toEqual(urls);
    const [source] = await known.getVideoSources();
    expect(source).toMatchObject({ framerate: 15, resolution: { width: 320, height: 180 } });
    const still = new Uint8Array(await (await fetch((await known.getSnapshotUri()).uri)).arrayBuffer());
    expect([...still.subarray(0, 2)]).toEqual([0xff, 0xd8]);
    const topics: string[] = [];
    known.on('event', ({ topic }: { topic: { _: string } }) => topics.push(topic._));
    const rings = () => topics.filter((topic) => topic.endsWith('Visitor')).length;
    await expect.poll(rings, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
    await expect(client('falsch').getDeviceInformation()).rejects.toThrow();
  }, 40_000);

  it('refuses ONVIF without an RTSP stream, and discovery without ONVIF', async () => {
    const http = 'http://127.0.0.1:0/porch.mjpeg';
    for (const [words, says] of [
      [['--serve', http, '--onvif', 'http://127.0.0.1:0'], 'needs an rtsp:// address in --serve'],
      [['--serve', RTSP, '--discovery'], '--discovery goes with --onvif'],
      [['--serve', RTSP, '--onvif', 'ftp://x'], 'is no address'],
    ] as const) {
      const ran = await callCommand(['camera', SMALL, ...words, '--json']);
      expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining(says)]);
    }
  });
});
