// Holds: who may set a doorbell up, and for how long; that pictures go to that browser alone; and that the end leaves nothing.

import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { LapseClock } from '../../support/lapse-clock.ts';
import { descendants } from '../../support/processes.ts';
import { PORCH, SetupRig } from './support/setup-rig.ts';

const CALLS = [
  ['GET', '/api/v1/setup'],
  ['GET', '/api/v1/setup/cameras'],
  ['POST', '/api/v1/setup/pictures'],
  ['POST', '/api/v1/setup'],
] as const;

const codeOf = ({ status, json }: { status: number; json: Record<string, unknown> }) => [status, json['code']];
const picture = { camera: PORCH, size: null, microphone: null };

/** Whether anything listens at the rig's port. */
const listens = (url: string) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

describe('a call of the set-up', () => {
  it.each(CALLS)('%s %s needs the token, before its body is looked at', async (method, path) => {
    const rig = await SetupRig.start();
    const body = method === 'POST' ? 'not what is wanted' : undefined;
    for (const token of [null, 'A'.repeat(22)])
      expect(codeOf(await rig.call(path, { method, body, token }))).toEqual([403, 'setup_token_refused']);
    expect(codeOf(await rig.call(path.toUpperCase(), { method, body, token: null }))).toEqual([
      403,
      'setup_token_refused',
    ]);
  });

  it.each(['/%61pi/v1/setup', '/api/v1/set%75p', '/api/v1/setup?x=1', '/api/v1/server', '/nothing', '//', '/assets'])(
    '%s needs it, too',
    async (path) => {
      const rig = await SetupRig.start();
      const { status, json } = await rig.call(path, { token: null });
      expect([status, json['code']]).toEqual([403, 'setup_token_refused']);
    },
  );

  it('is answered to the browser that came first, and to no other with the same code', async () => {
    const rig = await SetupRig.start();
    const first = await rig.call('/api/v1/setup');
    expect(first.json).toMatchObject({ device: rig.device, listen: 'this-machine' });
    expect(first.headers['set-cookie']?.[0]).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(codeOf(await rig.call('/api/v1/setup', { cookie: null }))).toEqual([409, 'setup_taken']);
    expect((await rig.call('/api/v1/setup')).status).toBe(200);
  });

  it('is refused under a foreign name, and from a page of another origin', async () => {
    const rig = await SetupRig.start();
    const { host } = new URL(rig.server.address.url);
    const to = (headers: Record<string, string>) => rig.call('/api/v1/setup', { headers });
    expect(codeOf(await to({ host: 'evil.example' }))).toEqual([421, 'console_host_refused']);
    expect(codeOf(await to({ origin: 'http://evil.example' }))).toEqual([403, 'console_origin_refused']);
    expect(codeOf(await to({ origin: `http://${host.replace(/\d+$/, '1')}` }))).toEqual([
      403,
      'console_origin_refused',
    ]);
    expect(codeOf(await to({ 'sec-fetch-site': 'cross-site' }))).toEqual([403, 'console_origin_refused']);
    expect((await to({ origin: `http://${host}`, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
  });

  it('serves the page itself without a token, with the page’s own policy', async () => {
    const rig = await SetupRig.start();
    const { status, headers } = await rig.call('/', { token: null });
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
    expect(headers['set-cookie']).toBeUndefined();
  });
});

describe('a picture', { tags: ['long'] }, () => {
  it('is taken now, with the rate of the footage, and nothing of it is stored', async () => {
    const rig = await SetupRig.start();
    const { json } = await rig.call('/api/v1/setup/cameras');
    expect(json['cameras']).toContainEqual({ source: PORCH, label: 'porch', sizes: [] });
    const taken = await rig.post('/api/v1/setup/pictures', picture);
    expect(taken.json).toMatchObject({ width: 320, height: 240, hasSound: true, trouble: null });
    expect(Buffer.from(String(taken.json['jpeg']), 'base64url').subarray(0, 2).toString('hex')).toBe('ffd8');
    expect(Number(taken.json['bitsPerSecond'])).toBeGreaterThan(10_000);
    expect(taken.headers['cache-control']).toBe('no-store');
    expect(await rig.files()).toEqual([]);
  });

  it.each([
    'file:/etc/passwd',
    'synthetic?size=640x480',
    '/dev/video0',
    'v4l2:/dev/video99',
    'rpicam:',
    'http://127.0.0.1/',
    'file:rtsp://x',
  ])('of %s, which was not found, is refused', async (camera) => {
    const rig = await SetupRig.start();
    await rig.call('/api/v1/setup/cameras');
    const asked = await rig.post('/api/v1/setup/pictures', { ...picture, camera });
    expect(codeOf(asked)).toEqual([400, 'setup_camera_foreign']);
  });

  it('with a size or a microphone that were not found is refused', async () => {
    const rig = await SetupRig.start();
    await rig.call('/api/v1/setup/cameras');
    for (const change of [{ size: '640x480' }, { microphone: 'alsa:plughw:CARD=x&control.y=1' }])
      expect(codeOf(await rig.post('/api/v1/setup/pictures', { ...picture, ...change }))).toEqual([
        400,
        'setup_camera_foreign',
      ]);
  });

  it('of a network camera that is not there says so', async () => {
    const rig = await SetupRig.start();
    const asked = await rig.post('/api/v1/setup/pictures', { ...picture, camera: 'rtsp://user:secret@127.0.0.1:1/x' });
    expect(codeOf(asked)).toEqual([503, 'camera_unreachable']);
    expect(asked.body.toString()).not.toContain('secret');
  });

  it('ends with the set-up: no camera stays in use', async () => {
    const rig = await SetupRig.start();
    await rig.call('/api/v1/setup/cameras');
    const asked = rig.post('/api/v1/setup/pictures', picture).catch(() => null);
    await expect.poll(() => descendants(process.pid).length).toBeGreaterThan(0);
    expect(await rig.server.stop()).toBeNull();
    await asked;
    expect(descendants(process.pid)).toEqual([]);
    expect(await listens(`http://127.0.0.1:${new URL(rig.server.address.url).port}`)).toBe(false);
  });
});

describe('a set-up', () => {
  it('ends with the tenth wrong token', async () => {
    const rig = await SetupRig.start();
    for (let guess = 1; guess <= 10; guess += 1) await rig.call('/api/v1/setup', { token: `${guess}`.padEnd(22, 'A') });
    await expect(rig.server.done).rejects.toMatchObject({ code: 'setup_guessed' });
    expect(codeOf(await rig.call('/api/v1/setup'))).toEqual([409, 'setup_over']);
  });

  it('ends after fifteen minutes, and not before', async () => {
    const clock = new LapseClock();
    const rig = await SetupRig.start({ clock });
    let end: unknown = null;
    rig.server.done.catch((why: unknown) => {
      end = why;
    });
    clock.skip(14 * 60_000);
    await rig.call('/api/v1/setup');
    expect(end).toBeNull();
    clock.skip(60_000);
    await expect(rig.server.done).rejects.toMatchObject({ code: 'setup_expired' });
  });

  it('closes its port at the end, and leaves no file that it did not find', async () => {
    const rig = await SetupRig.start({ listen: 'home-network' });
    expect(await rig.files()).toEqual(['console']);
    const { url, pairingUrl, fingerprint } = rig.server.address;
    expect(url).toMatch(/^https:/);
    expect(pairingUrl).toContain(`sha256=${fingerprint}`);
    expect((await rig.call('/api/v1/setup')).headers['set-cookie']?.[0]).toMatch(/; Secure$/);
    expect(await listens(url)).toBe(true);
    await rig.server.stop();
    expect([await listens(url), await rig.files()]).toEqual([false, []]);
  });

  it('keeps a certificate that was there before', async () => {
    const first = await SetupRig.start({ listen: 'home-network' });
    const kept = await readFile(join(first.folder, 'console/server.cert.pem'), 'utf8');
    const second = await SetupRig.start({ listen: 'home-network' });
    const disk = new SystemDisk();
    for (const name of ['server.key.pem', 'server.cert.pem'])
      await disk.replaceFile(join(second.folder, 'console', name), await readFile(join(first.folder, 'console', name)));
    expect(kept).toContain('BEGIN CERTIFICATE');
    const third = await SetupRig.start({ listen: 'home-network', folder: second.folder });
    await third.server.stop();
    expect(await readFile(join(second.folder, 'console/server.cert.pem'), 'utf8')).toBe(kept);
  });
});
