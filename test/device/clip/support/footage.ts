// Footage whose frames show their number as black and white blocks, made with real ffmpeg in a temporary folder; and reading the numbers
// back.
import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const WIDTH = 320;
export const HEIGHT = 176;
const BITS = 12;
const BLOCK_WIDTH = 24;
const BLOCK_HEIGHT = 48;

const drawn = new Map<number, Buffer>();

/** One gray frame with its number in a row of blocks along the top, and moving texture below. */
function drawFrame(number: number): Buffer {
  const known = drawn.get(number);
  if (known) return known;
  const frame = Buffer.alloc((WIDTH * HEIGHT * 3) / 2, 128);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const bit = Math.floor(x / BLOCK_WIDTH);
      const inRow = y < BLOCK_HEIGHT && bit < BITS;
      const texture = 60 + ((x * 7 + y * 3 + number * 5) % 97);
      frame[y * WIDTH + x] = inRow ? ((number >> bit) & 1 ? 235 : 16) : texture;
    }
  }
  drawn.set(number, frame);
  return frame;
}

/** How to encode a test source. */
export interface Style {
  /** Arguments of libx264 or another encoder, `-c:v` first. */
  video: readonly string[];
  frames: number;
  fps?: number;
  /** An expression for setpts, for unevenly spaced frames. */
  setpts?: string;
  /** A lavfi source of sound, e.g. a sine. */
  sound?: string;
  /** How sound is encoded; absent: AAC. */
  soundCodec?: readonly string[];
  /** Further output arguments, e.g. bitstream filters. */
  extra?: readonly string[];
  name?: string;
}

/** Encodes numbered frames into a file; returns its path. */
export async function makeFootage(ffmpeg: string, folder: string, style: Style): Promise<string> {
  const path = join(folder, style.name ?? 'source.mp4');
  const fps = style.fps ?? 15;
  const args = [
    ...['-hide_banner', '-loglevel', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'yuv420p'],
    ...['-s', `${WIDTH}x${HEIGHT}`, '-framerate', String(fps), '-i', 'pipe:0'],
    ...(style.sound ? ['-f', 'lavfi', '-i', style.sound] : []),
    ...(style.setpts ? ['-vf', `setpts=${style.setpts}`, '-fps_mode', 'passthrough', '-enc_time_base', '1/12800'] : []),
    ...style.video,
    ...(style.sound ? [...(style.soundCodec ?? ['-c:a', 'aac', '-b:a', '96k']), '-shortest'] : []),
    ...(style.extra ?? []),
    path,
  ];
  const child = spawn(ffmpeg, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  let words = '';
  child.stderr.on('data', (text: Buffer) => {
    words += text.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const frames = Readable.from(Array.from({ length: style.frames }, (_, number) => drawFrame(number)));
  await pipeline(frames, child.stdin).catch(() => {});
  if ((await ended) !== 0) throw new Error(`ffmpeg could not make footage: ${words}`);
  return path;
}

/** The frame numbers in a file, decoded with its edit list ignored: every frame the file holds. */
export async function readFrameNumbers(ffmpeg: string, path: string): Promise<number[]> {
  const [numbers = []] = await frameNumbersOf(ffmpeg, [path]);
  return numbers;
}

/** The same of several files, with one process. */
export async function frameNumbersOf(ffmpeg: string, paths: readonly string[]): Promise<number[][]> {
  const filter = `crop=${BITS * BLOCK_WIDTH}:${BLOCK_HEIGHT}:0:0,format=gray`;
  const [base = ''] = paths;
  const args = [
    ...['-hide_banner', '-loglevel', 'error', '-y', ...paths.flatMap((path) => ['-ignore_editlist', '1', '-i', path])],
    ...paths.flatMap((_, at) => [
      ...[
        '-map',
        `${at}:v:0`,
        '-an',
        '-fps_mode',
        'passthrough',
        '-vf',
        filter,
        '-f',
        'rawvideo',
        `${base}.${at}.gray`,
      ],
    ]),
  ];
  await run(ffmpeg, args);
  const frameBytes = BITS * BLOCK_WIDTH * BLOCK_HEIGHT;
  return Promise.all(
    paths.map(async (_, file) => {
      const pixels = await readFile(`${base}.${file}.gray`);
      const frames = Math.floor(pixels.length / frameBytes);
      return Array.from({ length: frames }, (_, at) => numberOf(pixels, at * frameBytes));
    }),
  );
}

function numberOf(pixels: Buffer, start: number): number {
  let number = 0;
  for (let bit = 0; bit < BITS; bit += 1) {
    let sum = 0;
    for (let y = 8; y < BLOCK_HEIGHT - 8; y += 1) {
      for (let x = 4; x < BLOCK_WIDTH - 4; x += 1)
        sum += pixels[start + y * BITS * BLOCK_WIDTH + bit * BLOCK_WIDTH + x] ?? 0;
    }
    if (sum / ((BLOCK_HEIGHT - 16) * (BLOCK_WIDTH - 8)) > 126) number |= 1 << bit;
  }
  return number;
}

/** Sound of a file as 48 kHz mono 16-bit samples, edit list ignored. */
export async function readSound(ffmpeg: string, path: string): Promise<Int16Array> {
  const args = ['-hide_banner', '-loglevel', 'error', '-ignore_editlist', '1', '-i', path, '-map', '0:a:0', '-vn'];
  const { stdout } = await run(ffmpeg, [...args, '-ar', '48000', '-ac', '1', '-f', 's16le', 'pipe:1'], {
    encoding: 'buffer',
    maxBuffer: 512 * 1024 * 1024,
  });
  return new Int16Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length));
}

/** x264 arguments of most tests: closed GOPs of `gop` frames, without reordering. */
export function x264(gop: number, ...more: string[]): string[] {
  return [
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '0', '-g', String(gop)],
    ...['-keyint_min', String(gop), '-sc_threshold', '0', ...more],
  ];
}
