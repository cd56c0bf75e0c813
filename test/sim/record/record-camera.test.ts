// @module-tag long
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { runFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { parseInit } from '../../../device/contract/media/fragment.ts';
import { FragmentSplitter } from '../../../device/contract/media/fragment-splitter.ts';
import type { Zone } from '../../../device/contract/shared-claims.ts';
import { missedInReplay } from '../../../sim/record/check-recording.ts';
import { type RecordEnd, recordCamera, recordedCamera, ringBytesFor } from '../../../sim/record/record-camera.ts';
import { RecordFolder } from '../../../sim/record/record-folder.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { slowIt } from '../../support/slow-it.ts';

const clock = new SystemClock();
const disk = new SystemDisk();
const GIB = 1024 ** 3;
const SIZE = { width: 320, height: 192 };
const folder = temporaryFolder('record-camera');
afterAll(folder.dispose);

let tmp = '';
let count = 0;
beforeEach(() => {
  count += 1;
  tmp = join(folder.path, `tmp-${count}`);
  mkdirSync(tmp);
  vi.stubEnv('TMPDIR', tmp);
});
afterEach(() => vi.unstubAllEnvs());

interface Asked {
  camera?: string;
  seconds?: number;
  audio?: boolean;
  zones?: readonly Zone[];
  pressAfterMs?: number;
  freeBytes?: number;
  signal?: AbortSignal;
  /** Called with the recorded length in microseconds. */
  progress?: (recordedUs: number) => void;
}

/** Every file below a folder, with its size; files may vanish meanwhile. */
function filesBelow(path: string): [string, number][] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const inside = join(path, entry.name);
    if (entry.isDirectory()) return filesBelow(inside);
    return entry.isFile() ? [[inside, statSync(inside, { throwIfNoEntry: false })?.size ?? 0]] : [];
  });
}

/** Records and writes, watching the temporary folder. */
async function recorded(asked: Asked) {
  const { seconds = 5, audio = false, zones = [], signal = new AbortController().signal } = asked;
  const camera = asked.camera ?? `synthetic?size=${SIZE.width}x${SIZE.height}`;
  const out = await RecordFolder.make(join(folder.path, `out-${count}`), disk);
  let end: RecordEnd | null = null;
  const seen = new Map<string, number>();
  const ffmpeg = await findFfmpeg();
  const look = setInterval(() => {
    for (const [path, bytes] of filesBelow(tmp)) {
      const name = relative(tmp, path).split('/').slice(2).join('/');
      seen.set(name, Math.max(seen.get(name) ?? 0, bytes));
    }
  }, 20);
  try {
    await recordCamera(
      { camera, audio, forUs: seconds * 1_000_000 },
      { clock, disk, log: silentLog(), ffmpeg, freeBytes: asked.freeBytes ?? 8 * GIB },
      {
        begins: (press) => {
          const { pressAfterMs } = asked;
          if (pressAfterMs === undefined) return;
          clock.after(pressAfterMs, () => press({ button: 'front', source: 'keyboard', atUs: clock.wallUs() }));
        },
        progress: (recordedUs) => asked.progress?.(recordedUs),
        event: () => undefined,
        keep: async (recording) => {
          end = recording.end;
          await out.keep(recording, { audio, zones }, { ffmpeg, clock });
        },
      },
      signal,
    );
  } finally {
    clearInterval(look);
  }
  return { out, end: end as RecordEnd | null, seen };
}

/** Files of the doorbell that are large enough for footage, or lie where it keeps footage: none, because footage stays in memory. */
function holdingFootage(seen: ReadonlyMap<string, number>): string[] {
  // Reserved space, so that a revocation can be written to a full disk.
  const reserve = 'consent/revocations.reserve';
  return [...seen].flatMap(([name, bytes]) =>
    name !== reserve && (bytes > 20_000 || /^(ring|outbox\/|previews\/)/.test(name)) ? [`${name}: ${bytes}`] : [],
  );
}

const replayed = (out: RecordFolder) => missedInReplay(out.path, out.lines, disk, new AbortController().signal);

/** Whether the file has an audio track. */
function hasSound(path: string): boolean {
  for (const part of new FragmentSplitter().push(readFileSync(path)))
    if (part.kind === 'init') return parseInit(part.bytes).audio !== null;
  throw new Error('no init segment');
}

/** The brightest pixel of each picture inside and outside of an area. */
async function brightest(path: string, inside: (x: number, y: number) => boolean): Promise<[number, number][]> {
  const args = [
    '-i',
    'pipe:0',
    '-map',
    '0:v:0',
    '-fps_mode',
    'passthrough',
    '-pix_fmt',
    'gray',
    '-f',
    'rawvideo',
    'pipe:1',
  ];
  const raw = await runFfmpeg(await findFfmpeg(), {
    ...{ doing: 'decoding', args: ['-f', 'mov', ...args], stdin: readFileSync(path) },
    ...{ stdoutBytesMax: GIB, timeoutMs: 60_000, clock },
  });
  const { width, height } = SIZE;
  return Array.from({ length: raw.length / (width * height) }, (_, frame) => {
    let [within, without] = [0, 0];
    for (let y = 0; y < height; y += 1)
      for (let x = 0; x < width; x += 1) {
        const value = raw[(frame * height + y) * width + x] ?? 0;
        if (inside(x, y)) within = Math.max(within, value);
        else without = Math.max(without, value);
      }
    return [within, without];
  });
}

describe('a recording', () => {
  it('replays with its presses as steps, and every event recurs', async () => {
    const { out, end, seen } = await recorded({ seconds: 9, pressAfterMs: 5_500 });
    expect(end).toEqual({ why: 'time' });
    expect(out.kept?.expected.map(({ type }) => type)).toEqual(expect.arrayContaining(['ring', 'motion-start']));
    // One ring by the drawn visitor, one by the test.
    expect(out.kept?.expected.filter(({ type }) => type === 'ring')).toHaveLength(2);
    expect(await replayed(out)).toEqual([]);
    const { window } = out.kept ?? { window: { startUs: 0, endUs: 0 } };
    expect(window.endUs - window.startUs).toBeGreaterThanOrEqual(9_000_000);
    expect(window.endUs - window.startUs).toBeLessThan(11_000_000);
    expect(seen.size).toBeGreaterThan(0);
    expect(holdingFootage(seen)).toEqual([]);
    expect(filesBelow(tmp)).toEqual([]);
    const text = readFileSync(join(out.path, 'events.jsonl'), 'utf8');
    expect(text).toContain('"event":"ring"');
    expect(text).not.toMatch(/"id"|"device"/);
  });

  slowIt('would be told from one that does not replay', async () => {
    const { out } = await recorded({});
    const file = join(out.path, 'scenario.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/event: ring, at: [\d.]+s/, 'event: ring, at: 4.9s'));
    expect((await replayed(out)).map(({ type }) => type)).toEqual(['ring']);
    writeFileSync(file, readFileSync(file, 'utf8').replace('camera: footage.mp4', 'camera: gone.mp4'));
    await expect(replayed(out)).rejects.toMatchObject({ code: 'record_replay_fails' });
  });

  it('is readable by this user only, and refuses others’ folders', async () => {
    const taken = join(folder.path, 'taken');
    mkdirSync(taken);
    chmodSync(taken, 0o755);
    const made = await RecordFolder.make(taken, disk);
    expect(statSync(taken).mode & 0o777).toBe(0o700);
    await expect(RecordFolder.make(taken, disk)).rejects.toMatchObject({ code: 'replay_folder_taken' });
    await made.drop();
    expect(readdirSync(taken)).toEqual([]);
    writeFileSync(join(taken, 'device.key'), '');
    await expect(RecordFolder.make(join(taken, 'inside'), disk)).rejects.toMatchObject({
      code: 'replay_folder_paired',
    });
    const { out } = await recorded({ seconds: 2 });
    for (const [path] of filesBelow(out.path)) expect([path, statSync(path).mode & 0o777]).toEqual([path, 0o600]);
    expect(readdirSync(out.path)).toEqual(['events.jsonl', 'footage.mp4', 'scenario.yaml']);
  });
});

describe('a recording leaves out', () => {
  it('sound, unless it is requested, whatever the camera’s options say', async () => {
    const silent = await recorded({ seconds: 2, camera: `synthetic?size=320x192&audio=on` });
    expect(hasSound(join(silent.out.path, 'footage.mp4'))).toBe(false);
    expect(recordedCamera('rtsp://camera/stream', false).settings).toMatchObject({ audio: false });
    expect(recordedCamera('synthetic', false).settings).toMatchObject({ audio: false });
  });

  it('no sound that is requested', async () => {
    const loud = await recorded({ seconds: 2, audio: true });
    expect(hasSound(join(loud.out.path, 'footage.mp4'))).toBe(true);
    expect(await replayed(loud.out)).toEqual([]);
  });

  it('every blacked-out area of every picture, which was never in a file', async () => {
    // Odd borders: pixels that an area touches are black, too.
    const zones = [
      { left: 0, top: 0, width: 3_333, height: 10_000 },
      { left: 6_010, top: 5_010, width: 1_010, height: 2_030 },
    ];
    const { out, seen } = await recorded({ seconds: 4, zones });
    const path = join(out.path, 'footage.mp4');
    const { width, height } = SIZE;
    const frames = await brightest(path, (x, y) =>
      zones.some(
        (zone) =>
          x + 1 > (zone.left * width) / 10_000 &&
          x < ((zone.left + zone.width) * width) / 10_000 &&
          y + 1 > (zone.top * height) / 10_000 &&
          y < ((zone.top + zone.height) * height) / 10_000,
      ),
    );
    expect(frames.length).toBeGreaterThan(50);
    for (const [within, without] of frames) {
      expect(within).toBeLessThan(12);
      expect(without).toBeGreaterThan(150);
    }
    expect(holdingFootage(seen)).toEqual([]);
    expect([...filesBelow(tmp), ...filesBelow(out.path)].filter(([name]) => !/\.(yaml|jsonl)$/.test(name))).toEqual([
      [path, statSync(path).size],
    ]);
  });

  slowIt('is an event of an area that is black: it is not expected of a replay', async () => {
    const { out } = await recorded({ seconds: 6, zones: [{ left: 0, top: 0, width: 10_000, height: 10_000 }] });
    const missed = await replayed(out);
    expect(missed.map(({ type }) => type)).toContain('motion-start');
    await out.leaveOut(missed);
    expect(out.kept?.leftOut).toEqual(missed);
    expect(await replayed(out)).toEqual([]);
  });
});

describe('the end of a recording', () => {
  it('is the end of the camera’s footage', async () => {
    const { out, end } = await recorded({ seconds: 60, camera: 'synthetic?size=320x192&seconds=3' });
    expect(end).toEqual({ why: 'camera-ended' });
    const { window } = out.kept ?? { window: { startUs: 0, endUs: 0 } };
    expect(window.endUs - window.startUs).toBeGreaterThan(2_700_000);
  });

  it('is Ctrl-C, after which the recording is kept', async () => {
    const stop = new AbortController();
    const progress = (recordedUs: number) => void (recordedUs > 2_500_000 && stop.abort(new Error('stopped')));
    const { out, end } = await recorded({ seconds: 60, signal: stop.signal, progress });
    expect(end).toEqual({ why: 'interrupted' });
    const { window } = out.kept ?? { window: { startUs: 0, endUs: 0 } };
    expect(window.endUs - window.startUs).toBeGreaterThan(1_500_000);
    expect(await replayed(out)).toEqual([]);
  });

  slowIt('is when memory is full: nothing of the beginning is lost', async () => {
    // Noise hardly compresses: 8 MB a second.
    const noise = join(tmp, 'noise.mp4');
    const [size, encoder] = [
      ['-s', '640x360', '-r', '25'],
      ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '4'],
    ];
    const input = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', ...size, '-i', '/dev/urandom', '-t', '12'];
    const args = ['-v', 'error', ...input, ...encoder, '-g', '25', '-bf', '0', noise];
    await promisify(execFile)((await findFfmpeg()).path, args);
    const { out, end } = await recorded({ camera: `file:${noise}`, seconds: 30, freeBytes: GIB / 8 });
    expect(end).toEqual({ why: 'memory-full', detail: expect.stringContaining('64 MiB') });
    const { window, bytes } = out.kept ?? { window: { startUs: 0, endUs: 0 }, bytes: 0 };
    expect(window.endUs - window.startUs).toBeGreaterThan(4_000_000);
    expect(bytes).toBeGreaterThan(40_000_000);
    rmSync(noise);
  });

  it('may come before the first picture: nothing is kept', async () => {
    await expect(recorded({ signal: AbortSignal.abort(new Error('stopped')) })).rejects.toThrow('stopped');
    expect(filesBelow(tmp)).toEqual([]);
  });
});

describe('a recording is refused', () => {
  it('if it is longer than an hour, or than fits into memory', () => {
    expect(ringBytesFor(600_000_000, 8 * GIB)).toBe(600 * 2 * 1024 ** 2);
    expect(ringBytesFor(1_000_000, 8 * GIB)).toBe(64 * 1024 ** 2);
    expect(ringBytesFor(3_600_000_000, 8 * GIB)).toBe(2 * GIB);
    const refused = (forUs: number, free: number) => expect(() => ringBytesFor(forUs, free));
    refused(3_600_000_001, 8 * GIB).toThrow(/at most 60 min/);
    refused(3_600_000_000, GIB).toThrow(/512 MiB here: at most 34 min/);
    refused(1_000_000, 100 * 1024 ** 2).toThrow(/is too long for one recording/);
  });

  it('of a camera that is read fast, unknown or missing', async () => {
    expect(() => recordedCamera('synthetic?seconds=5&pace=fast', false)).toThrow(/leave out pace=fast/);
    expect(() => recordedCamera('nonsense', false)).toThrow();
    await expect(recorded({ camera: 'rtsp://127.0.0.1:1/none' })).rejects.toMatchObject({ code: 'camera_unreachable' });
    expect(filesBelow(tmp)).toEqual([]);
  });
});
