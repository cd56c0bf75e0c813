// Holds: pictures and events on the device's own server, for owners' sessions and viewers.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { ConsoleRig, type OwnerBrowser, soon } from './support/console-rig.ts';

let rig: ConsoleRig;
let owner: OwnerBrowser;

beforeAll(async () => {
  rig = await ConsoleRig.start();
  owner = await rig.owner();
  await soon(async () => (await owner.get('/api/v1/snapshot.jpg')).status === 200);
}, 30_000);
afterAll(() => rig.stop());

describe('pictures', () => {
  it('are a current JPEG', async () => {
    const { status, headers, body } = await owner.get('/api/v1/snapshot.jpg');
    expect([status, headers['content-type'], body.subarray(0, 2).toString('hex')]).toEqual([200, 'image/jpeg', 'ffd8']);
  });

  it('are footage of a span, whole and in ranges', async () => {
    await soon(async () => {
      const { ring } = (await owner.get('/api/v1/state')).json as {
        ring: { coverage: { startUs: number; endUs: number }[] };
      };
      const [span] = ring.coverage;
      return span !== undefined && span.endUs - span.startUs > 2_500_000;
    });
    const { ring } = (await owner.get('/api/v1/state')).json as {
      ring: { coverage: { startUs: number; endUs: number }[] };
    };
    const from = ring.coverage[0]?.startUs ?? 0;
    const path = `/api/v1/footage.mp4?fromUs=${from}&toUs=${from + 2_000_000}`;
    const whole = await owner.get(path);
    expect(whole.status).toBe(200);
    expect(whole.body.length).toBe(Number(whole.headers['content-length']));
    const part = await owner.get(path, { headers: { range: 'bytes=100-299' } });
    expect(part.status).toBe(206);
    expect(part.body.equals(whole.body.subarray(100, 300))).toBe(true);
  });

  it('are live', async () => {
    const { status, headers, body } = await owner.get('/api/v1/live.mp4', { until: (bytes) => bytes.length > 5_000 });
    expect([status, headers['content-type']]).toEqual([200, 'video/mp4']);
    expect(body.subarray(4, 8).toString()).toBe('ftyp');
  });
});

describe('events', () => {
  it('come in pages, newest first', async () => {
    for (let press = 0; press < 3; press += 1) expect((await owner.post('/api/v1/press', {})).status).toBe(204);
    const first = await owner.get('/api/v1/events?types=ring&limit=2');
    const page = first.json as { events: { event: { type: string; source: string } }[]; next: number };
    expect(page.events.map(({ event }) => [event.type, event.source])).toEqual([
      ['ring', 'console'],
      ['ring', 'console'],
    ]);
    const rest = (await owner.get(`/api/v1/events?types=ring&before=${page.next}`)).json as typeof page;
    // The synthetic visitor rings, too.
    expect(rest.events.filter(({ event }) => event.source === 'console').length).toBe(1);
    expect((await owner.get('/api/v1/events?types=nonsense')).status).toBe(400);
  });
});

describe('HTTP Live Streaming', () => {
  /** Frames that ffmpeg decodes from an address of this server. */
  const framesAt = async (path: string, ...options: string[]): Promise<number> => {
    const { authorization = '' } = await owner.viewer();
    const ffmpeg = await findFfmpeg();
    // The bundled ffmpeg is linked statically and crashes when it resolves a name.
    const address = `${rig.url.replace('//localhost:', '//127.0.0.1:')}${path}`;
    const input = ['-headers', `Authorization: ${authorization}\r\n`, ...options, '-i', address];
    const { stdout } = await promisify(execFile)(ffmpeg.path, [
      ...['-loglevel', 'error', ...input, '-t', '2', '-f', 'framecrc', '-an', 'pipe:1'],
    ]);
    return stdout.split('\n').filter((line) => /^0,/.test(line)).length;
  };

  it('plays recorded footage from its first frame', async () => {
    const { ring } = (await owner.get('/api/v1/state')).json as {
      ring: { coverage: { startUs: number; endUs: number }[] };
    };
    const [{ startUs = 0, endUs = 0 } = {}] = ring.coverage;
    expect(await framesAt(`/api/v1/footage.m3u8?fromUs=${startUs}&toUs=${endUs}`)).toBe(30);
  });

  it('plays the live picture, whose segments keep their numbers', { tags: ['long'] }, async () => {
    expect(await framesAt('/api/v1/live.m3u8')).toBe(30);
    const numbered = async () => {
      const text = (await owner.get('/api/v1/live.m3u8')).body.toString();
      const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
      return [...text.matchAll(/fragment\.m4s\?startUs=(\d+)/g)].map(
        ([, startUs], at) => [startUs, first + at] as const,
      );
    };
    await soon(async () => (await numbered()).length > 4);
    const before = new Map(await numbered());
    const [oldest] = [...before.keys()];
    await soon(async () => (await numbered())[0]?.[0] !== oldest, 15_000);
    const shared = (await numbered()).filter(([startUs]) => before.has(startUs));
    expect(shared.length).toBeGreaterThan(2);
    expect(shared.every(([startUs, number]) => before.get(startUs) === number)).toBe(true);
  });
});
