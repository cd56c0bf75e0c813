// @module-tag vlc
// VLC as a viewer over HTTP: the pictures that it shows, and how it reacts to faults. Debian's VLC has no RTSP.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFrameNumber } from '../../../sim/porch/frame-number.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { SMALL, StartedCamera } from './support/started-camera.ts';

const [WIDTH, HEIGHT] = [320, 180];
/** A luma plane, and two chroma planes of a quarter of its size. */
const PICTURE_BYTES = (WIDTH * HEIGHT * 3) / 2;
const HEAD = 'FRAME\n';
const WAIT = { timeout: 20_000, interval: 100 };

/** VLC refuses to run as root. */
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
const [program = '', ...before] = [...(process.getuid?.() === 0 ? NOBODY : []), 'vlc'];
const here = spawnSync(program, [...before, '--version'], { timeout: 20_000 }).status === 0;

let folder: ReturnType<typeof temporaryFolder>;
let camera: StartedCamera;
let vlc: ChildProcess | null = null;

beforeEach(async () => {
  folder = temporaryFolder('vlc');
  chmodSync(folder.path, 0o777);
  camera = await StartedCamera.start({
    source: SMALL,
    serve: ['http://127.0.0.1:0/porch.mp4', 'http://127.0.0.1:0/porch.mjpeg'],
  });
});

afterEach(async () => {
  vlc?.kill('SIGKILL');
  vlc = null;
  await camera.stop();
  folder.dispose();
});

/** Lets VLC play a stream to its end and write each shown picture to a file. Resolves with its exit status. */
function show(ending: 'mp4' | 'mjpeg'): Promise<number | null> {
  const url = camera.camera.urls.find((one) => one.endsWith(ending)) ?? '';
  const output = ['--vout=yuv', '--yuv-chroma=I420', `--yuv-file=${join(folder.path, 'shown')}`];
  const plain = [
    '-I',
    'dummy',
    '--ignore-config',
    '--no-audio',
    '--no-osd',
    '--no-video-title-show',
    '--avcodec-hw=none',
  ];
  const child = spawn(program, [...before, ...plain, ...output, '--no-drop-late-frames', '--play-and-exit', url], {
    env: { PATH: process.env['PATH'], HOME: folder.path, LC_ALL: 'C.UTF-8' },
    stdio: 'ignore',
  });
  vlc = child;
  return new Promise((resolve) => child.once('close', resolve));
}

/** The frame numbers of the shown pictures; null if unreadable. */
function shown(): (number | null)[] {
  const path = join(folder.path, 'shown');
  const file = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  // One header line, then a line before each picture.
  const pictures = file.subarray(file.indexOf('\n') + 1);
  return Array.from({ length: Math.floor(pictures.length / (HEAD.length + PICTURE_BYTES)) }, (_, at) => {
    const from = at * (HEAD.length + PICTURE_BYTES) + HEAD.length;
    return readFrameNumber(pictures.subarray(from, from + PICTURE_BYTES), WIDTH, HEIGHT);
  });
}

/** How many pictures are missing between the first and the last; throws if one is unreadable or out of order. */
function missingIn(numbers: readonly (number | null)[]): number {
  const read = numbers.flatMap((number) => number ?? []);
  expect(read).toHaveLength(numbers.length);
  expect(read).toEqual([...read].sort((a, b) => a - b));
  return (read.at(-1) ?? 0) - (read[0] ?? 0) + 1 - new Set(read).size;
}

describe.skipIf(!here)('VLC', { timeout: 90_000 }, () => {
  it('shows the pictures of MP4, and ends when the camera changes its codec, which ends the MP4', async () => {
    const ended = show('mp4');
    await expect.poll(() => new Set(shown()).size, WAIT).toBeGreaterThan(45);
    camera.camera.execute({ do: 'add', fault: 'codec-change' });
    expect(await ended).toBe(0);
    expect(missingIn(shown())).toBeLessThan(3);
    expect(camera.camera.execute({ do: 'list' }).viewers).toBe(0);
  });

  it('shows the pictures of Motion JPEG, freezes while the camera is half open, and goes on afterwards', async () => {
    void show('mjpeg');
    await expect.poll(() => new Set(shown()).size, WAIT).toBeGreaterThan(45);
    camera.camera.execute({ do: 'add', fault: 'half-open' });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const seen = shown();
    expect(missingIn(seen)).toBeLessThan(3);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    // VLC repeats the last one.
    const last = seen.at(-1) ?? 0;
    expect(shown().at(-1)).toBe(last);
    camera.camera.execute({ do: 'clear', name: 'half-open' });
    await expect.poll(() => shown().at(-1), WAIT).toBeGreaterThan(last + 60);
    // Pictures that were not sent are missing; later ones are damaged up to the next keyframe.
    expect(missingIn(shown().filter((number) => number !== null))).toBeGreaterThan(60);
  });

  it.each(['mp4', 'mjpeg'] as const)(
    'shows nothing of %s where the camera knows of no stream, and ends',
    async (ending) => {
      camera.camera.execute({ do: 'add', fault: 'not-found' });
      await show(ending);
      expect(shown()).toEqual([]);
    },
  );
});
