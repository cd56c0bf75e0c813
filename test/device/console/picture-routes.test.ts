import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import type { Log, LogFacts } from '../../../device/base/log.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { ViewRight } from '../../../device/contract/console-messages.ts';
import { failure } from '../../../device/contract/errors.ts';
import { descendants } from '../../support/processes.ts';
import { slowFfmpeg } from '../../support/slow-ffmpeg.ts';
import { FOOTAGE_START_US as START_US } from '../clip/support/segmenter.ts';
import { OpenView } from './support/open-connections.ts';
import { PictureServer, padded, recordedSeconds } from './support/picture-server.ts';

const MIB = 1024 * 1024;

let recorded: Segment[];
let server: PictureServer;
let tablet: Record<string, string>;
beforeAll(async () => {
  recorded = await recordedSeconds();
});
beforeEach(async () => {
  server = await PictureServer.start(recorded);
  tablet = server.viewer();
});
afterEach(() => server.stop());

async function get(
  path: string,
  headers = tablet,
): Promise<{ status: number; code: unknown; body: Buffer; headers: Headers }> {
  const answer = await fetch(`${server.url}${path}`, { headers });
  const body = Buffer.from(await answer.arrayBuffer());
  const isJson = answer.headers.get('content-type')?.includes('json');
  return {
    status: answer.status,
    code: isJson ? JSON.parse(body.toString()).code : null,
    body,
    headers: answer.headers,
  };
}

const footage = (fromS: number, toS: number) =>
  `/api/v1/footage.mp4?fromUs=${START_US + fromS * 1_000_000}&toUs=${START_US + toS * 1_000_000}`;
const still = (second: number) => `/api/v1/snapshot.jpg?atUs=${START_US + second * 1_000_000}`;

/** Every picture route, and the right it needs. */
const WAYS: [string, ViewRight][] = [
  ['/api/v1/snapshot.jpg', 'stills'],
  [still(1), 'history'],
  [footage(1, 2), 'history'],
  ['/api/v1/live.mp4', 'live'],
];

/** Opens a view, receives some of it, and returns its status; a live view never ends by itself. */
async function look(path: string, headers = tablet): Promise<{ status: number; text: string }> {
  const view = new OpenView(server.url, path, headers);
  const end = () => view.text.includes('\r\n\r\n') || !view.isOpen;
  await expect.poll(end, { timeout: 10_000 }).toBe(true);
  view.socket.destroy();
  return { status: view.status, text: view.text };
}

describe('a picture', () => {
  it.each(WAYS)('%s needs the right %s', async (path, needed) => {
    for (const right of ViewRight.options) {
      const { status, text } = await look(path, server.viewer('guest', [right]));
      expect([right, status]).toEqual([right, right === needed ? 200 : 403]);
      if (right !== needed) expect(text).toContain('console_right_missing');
    }
    for (const right of ViewRight.options) {
      const others = ViewRight.options.filter((one) => one !== right);
      expect((await look(path, server.viewer('guest', others))).status).toBe(right === needed ? 403 : 200);
    }
    expect((await look(path, {})).status).toBe(401);
    expect((await look(path, { authorization: 'Basic dGFibGV0Ong=' })).status).toBe(401);
    server.removeViewer();
    expect((await look(path)).status).toBe(401);
  });

  it.each(WAYS)('%s is refused while privacy is on', async (path) => {
    server.privacy(true);
    const { status, text } = await look(path);
    expect([status, text.includes('console_privacy_on'), server.looks]).toEqual([409, true, []]);
    server.privacy(false);
    expect((await look(path)).status).toBe(200);
  });

  it.each(WAYS)('%s is sent after the look was recorded, and not if it cannot be', async (path, right) => {
    let note: () => void = () => undefined;
    server.noting = () => new Promise((resolve) => (note = resolve));
    const view = new OpenView(server.url, path, tablet);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(view.bytes.length).toBe(0);
    note();
    await expect.poll(() => view.status, { timeout: 10_000 }).toBe(200);
    expect(server.looks).toEqual([`tablet ${right}`]);
    view.socket.destroy();
    server.noting = () => Promise.reject(failure('consent_storage_failed'));
    const { status, text } = await look(path, server.viewer('guest'));
    expect([status >= 500, text.includes('consent_storage_failed')]).toEqual([true, true]);
    expect(text).not.toMatch(/ftyp|moof|JFIF/);
  });

  it('asks players for a password, and the page’s own calls not', async () => {
    const asked = async (headers: Record<string, string>) =>
      /www-authenticate: (.*)\r\n/i.exec((await look('/api/v1/live.mp4', headers)).text)?.[1] ?? null;
    expect(await asked({})).toBe('Basic realm="doorsill", charset="UTF-8"');
    expect(await asked({ 'sec-fetch-mode': 'navigate' })).not.toBeNull();
    expect(await asked({ 'sec-fetch-mode': 'cors' })).toBeNull();
    expect(await asked({ 'x-doorsill-session': 'A'.repeat(22) })).toBeNull();
    expect(await asked(tablet)).toBeNull();
  });
});

/** Sixty GOPs of a megabyte each: far more than all buffers on the way hold. All are the same bytes. */
function large(gops = 60, bytes = MIB): Segment[] {
  const [one] = recorded;
  if (!one) throw new Error('no footage');
  const fragment = padded(one.fragment, bytes);
  return Array.from({ length: gops }, (_, at) => {
    const moved = { startUs: START_US + at * 1_000_000, endUs: START_US + (at + 1) * 1_000_000 };
    return { ...one, ...moved, wallOffsetUs: one.wallOffsetUs + at * 1_000_000, fragment };
  });
}

describe('a view that is open', () => {
  const ENDS: [string, () => void][] = [
    ['privacy is turned on', () => server.privacy(true)],
    ['its viewer is removed', () => server.removeViewer()],
  ];

  it.each(ENDS)('of footage ends at once when %s, even for a slow reader', async (_when, end) => {
    server.held = large();
    const other = new OpenView(server.url, footage(0, 60), server.viewer('guest'));
    const view = new OpenView(server.url, footage(0, 60), tablet);
    await expect.poll(() => view.received).toBeGreaterThan(MIB);
    view.stall();
    const had = view.received;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(view.isOpen).toBe(true);
    const before = server.reads;
    end();
    other.socket.destroy();
    // It does not wait for its reader.
    await expect.poll(() => server.connections()).toBe(0);
    view.socket.resume();
    await view.closed;
    // Data already in the kernel can still be read, at most 36 MiB by Linux's defaults; nothing more is read from the ring.
    expect(view.received - had).toBeLessThan(40 * MIB);
    expect(server.reads - before).toBeLessThanOrEqual(2);
  });

  it.each(ENDS)('of the live picture ends at once when %s', async (_when, end) => {
    const frame = recorded[0]?.fragment ?? new Uint8Array();
    const view = new OpenView(server.url, '/api/v1/live.mp4', tablet);
    await expect.poll(() => view.bytes.length).toBeGreaterThan(500);
    server.show(frame);
    await expect.poll(() => view.bytes.length).toBeGreaterThan(frame.length);
    const before = view.bytes.length;
    end();
    expect(server.listeners.size).toBe(0);
    server.show(frame);
    await view.closed;
    expect(view.bytes.length).toBe(before);
  });

  it.each(ENDS)('of a still that is being made ends when %s', async (_when, end) => {
    await withSlowFfmpeg(async () => {
      const view = new OpenView(server.url, still(1), tablet);
      await expect.poll(() => decoders().length).toBe(1);
      end();
      await expect.poll(() => decoders()).toEqual([]);
      await expect.poll(() => view.status).toBeGreaterThan(400);
      expect(view.text).not.toContain('JFIF');
      view.socket.destroy();
    });
  });

  it('continues when another view is ended', async () => {
    const guest = new OpenView(server.url, '/api/v1/live.mp4', server.viewer('guest'));
    await expect.poll(() => guest.bytes.length).toBeGreaterThan(500);
    server.removeViewer();
    expect([guest.isOpen, server.listeners.size]).toEqual([true, 1]);
    guest.socket.destroy();
    await expect.poll(() => server.listeners.size).toBe(0);
  });
});

/** Decoder processes of this test. */
const decoders = () => descendants(process.pid);

/** Runs `work` on a server whose decoder does not end by itself. */
async function withSlowFfmpeg(work: () => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-slow-'));
  await server.stop();
  server = await PictureServer.start(recorded, { ffmpeg: await slowFfmpeg(folder) });
  tablet = server.viewer();
  try {
    await work();
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A log that keeps its lines. */
function keptLog(lines: string[]): Log {
  const keep = (level: string) => (message: string, facts?: LogFacts) =>
    void lines.push(`${level} ${message} ${JSON.stringify(facts)}`);
  const log: Log = {
    ...{ debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') },
    child: () => log,
  };
  return log;
}

describe('a client that disconnects', () => {
  it.each([
    ['in the middle of footage', () => undefined],
    ['because its right was taken away', () => server.removeViewer()],
  ])('%s is not logged as a failure', async (_when, end) => {
    const lines: string[] = [];
    await server.stop();
    server = await PictureServer.start(large(), { log: keptLog(lines) });
    tablet = server.viewer();
    const view = new OpenView(server.url, footage(0, 60), tablet);
    await expect.poll(() => view.received).toBeGreaterThan(MIB);
    end();
    view.socket.destroy();
    await expect.poll(() => server.connections()).toBe(0);
    // The answer's handler is called in a later turn than the connection's.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(lines.filter((line) => !line.startsWith('debug'))).toEqual([]);
  });

  it('during a still leaves no process behind', async () => {
    await withSlowFfmpeg(async () => {
      const views = [0, 1, 2, 3].map((second) => new OpenView(server.url, still(second), tablet));
      await expect.poll(() => decoders().length).toBe(4);
      // More at the same time are refused.
      expect((await get(still(4))).code).toBe('console_too_many_viewers');
      for (const { socket } of views) socket.destroy();
      await expect.poll(() => decoders()).toEqual([]);
    });
  });

  it.each(WAYS)('while its look is being recorded leaves no view open: %s', async (path, right) => {
    await server.stop();
    const clock = new ManualClock(0);
    server = await PictureServer.start(recorded, { clock });
    tablet = server.viewer();
    let note: () => void = () => undefined;
    let isNoting = false;
    server.noting = () => {
      isNoting = true;
      return new Promise((resolve) => (note = resolve));
    };
    const view = new OpenView(server.url, path, tablet);
    await expect.poll(() => isNoting).toBe(true);
    view.socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    note();
    server.noting = async () => undefined;
    await expect.poll(() => server.looks.length).toBe(1);
    await expect.poll(() => server.listeners.size).toBe(0);
    // There is no pause while a view is open: with a leftover view, later looks would not be recorded.
    await new Promise((resolve) => setTimeout(resolve, 200));
    await clock.advance(11 * 60_000);
    await look(path);
    expect(server.looks).toEqual([`tablet ${right}`, `tablet ${right}`]);
  });
});

describe('a span', () => {
  it.each([
    ['reversed', footage(2, 1), 400, 'http_body_invalid'],
    ['empty', footage(1, 1), 400, 'http_body_invalid'],
    ['over an hour', footage(0, 3_601), 400, 'console_span_too_long'],
    ['in the far future', footage(10_000, 10_001), 404, 'console_no_footage'],
    ['before all footage', '/api/v1/footage.mp4?fromUs=0&toUs=1', 404, 'console_no_footage'],
    [
      'of the largest number',
      '/api/v1/footage.mp4?fromUs=9007199254740990&toUs=9007199254740991',
      404,
      'console_no_footage',
    ],
    ['of a larger number', '/api/v1/footage.mp4?fromUs=1&toUs=9007199254740993', 400, 'http_body_invalid'],
    ['of a very long number', `/api/v1/footage.mp4?fromUs=1&toUs=${'9'.repeat(40)}`, 400, 'http_body_invalid'],
    ['with a sign', '/api/v1/footage.mp4?fromUs=-1&toUs=1', 400, 'http_body_invalid'],
    ['with an exponent', '/api/v1/footage.mp4?fromUs=1e3&toUs=2e3', 400, 'http_body_invalid'],
    ['with a fraction', '/api/v1/footage.mp4?fromUs=1.5&toUs=2', 400, 'http_body_invalid'],
    ['given twice', '/api/v1/footage.mp4?fromUs=1&fromUs=2&toUs=3', 400, 'http_body_invalid'],
    ['without an end', '/api/v1/footage.mp4?fromUs=1', 400, 'http_body_invalid'],
    ['with more than that', `${footage(1, 2)}&x=1`, 400, 'http_body_invalid'],
    ['of a still without size', '/api/v1/snapshot.jpg?width=0', 400, 'http_body_invalid'],
    ['of a still too large', '/api/v1/snapshot.jpg?width=3841', 400, 'http_body_invalid'],
    ['of a still that is none', still(60), 404, 'console_no_footage'],
  ])('%s is refused with a code', async (_what, path, status, code) => {
    const answer = await get(path);
    expect([answer.status, answer.code]).toEqual([status, code]);
  });

  it('of exactly an hour is not too long', async () => {
    expect((await get(footage(0, 3_600))).status).toBe(200);
  });

  it('is refused if nothing is recorded yet', async () => {
    server.held = [];
    expect((await get('/api/v1/snapshot.jpg')).code).toBe('console_not_recording');
    expect((await get('/api/v1/live.mp4')).code).toBe('console_not_recording');
  });
});

describe('a still of now', () => {
  it('is never a picture stored more than 30 seconds ago, for any caller', async () => {
    for (const headers of [tablet, server.viewer('guest', ['stills'])]) {
      server.newestAgeMs = 30_000;
      expect((await get('/api/v1/snapshot.jpg', headers)).status).toBe(200);
      server.newestAgeMs = 30_001;
      const late = await get('/api/v1/snapshot.jpg', headers);
      expect([late.status, late.code, late.body.includes('JFIF')]).toEqual([503, 'console_not_recording', false]);
    }
  });

  it('is of the last stored segment, even when the clock was set back to a time with footage', async () => {
    const [first, , , , , last] = recorded;
    if (!first || !last) throw new Error('no footage');
    // Stored last, with the wall time of the first stored segment.
    const again = { ...last, startUs: first.startUs + 1, endUs: first.endUs + 1 };
    const moved = { ...again, wallOffsetUs: last.wallOffsetUs - (last.startUs - again.startUs) };
    server.held = [...recorded.slice(0, 5), moved];
    const now = await get('/api/v1/snapshot.jpg');
    server.held = [moved];
    expect(now.body.equals((await get('/api/v1/snapshot.jpg')).body)).toBe(true);
    server.held = recorded;
    expect(now.body.equals((await get(still(0.99))).body)).toBe(false);
  });
});

describe('a range', () => {
  it('returns exactly the requested bytes; an invalid range returns the whole file', async () => {
    const whole = (await get(footage(0, 3))).body;
    const { length } = whole;
    const init = recorded[0]?.init.length ?? 0;
    const cases: [string, number, number][] = [
      ['bytes=0-0', 0, 1],
      ['bytes=0-', 0, length],
      [`bytes=${init - 1}-${init}`, init - 1, init + 1],
      ['bytes=100-20000', 100, Math.min(20_001, length)],
      ['bytes=-1', length - 1, length],
      [`bytes=-${length + 5}`, 0, length],
      [`bytes=${length - 1}-${length + 100}`, length - 1, length],
    ];
    for (const [range, start, end] of cases) {
      const { status, headers, body } = await get(footage(0, 3), { ...tablet, range });
      expect([range, status, headers.get('content-range'), headers.get('content-length')]).toEqual([
        range,
        206,
        `bytes ${start}-${end - 1}/${length}`,
        String(end - start),
      ]);
      expect(body.equals(whole.subarray(start, end))).toBe(true);
    }
    for (const range of [
      `bytes=${length}-`,
      'bytes=5-1',
      'bytes=-0',
      'bytes=0-1,3-4',
      'items=0-1',
      'bytes=',
      'bytes=a-b',
    ]) {
      const { status, body } = await get(footage(0, 3), { ...tablet, range });
      expect([range, status, body.equals(whole)]).toEqual([range, 200, true]);
    }
  });
});

it.each([still(1), footage(0, 3)])('HEAD of %s returns its length, and reads only what that needs', async (path) => {
  const { body } = await get(path);
  const before = server.reads;
  const head = await fetch(`${server.url}${path}`, { method: 'HEAD', headers: tablet });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(body.length)]);
  // Each segment is read once to compute the length.
  expect(server.reads - before).toBeLessThanOrEqual(path.includes('footage') ? 3 : 1);
});

describe('footage that the ring loses while it is sent', () => {
  it('breaks the connection, and never ends like a complete answer', async () => {
    server.held = large(6, 8 * MIB);
    const view = new OpenView(server.url, footage(0, 6), tablet);
    view.stallAfter(MIB);
    await expect.poll(() => view.received).toBeGreaterThanOrEqual(MIB);
    server.held = [];
    view.stallAfter(Number.POSITIVE_INFINITY);
    view.socket.resume();
    await view.closed;
    const promised = Number(/content-length: (\d+)/i.exec(view.bytes.toString('latin1', 0, 1_000))?.[1]);
    expect([promised > 48 * MIB, view.received < promised]).toEqual([true, true]);
  });
});
