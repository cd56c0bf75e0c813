// Gray pictures for the motion tests: decoded from footage like the camera's, or drawn.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SeededRandom } from '../../../device/base/random.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { initialMotion, type MotionEffect, type MotionSettings, nextMotion } from '../../../device/motion/detector.ts';
import { PICTURE_HEIGHT, PICTURE_WIDTH } from '../../../device/motion/gray-picture-size.ts';

const FRAME_BYTES = PICTURE_WIDTH * PICTURE_HEIGHT;
const COLUMNS = PICTURE_WIDTH;
const ROWS = PICTURE_HEIGHT;
const FPS = 5;

/** The first picture's time. */
export const START_US = 1_795_608_000_000_000;

const decoded = new Map<string, Promise<Uint8Array[]>>();

/** Every picture of a file at 5 a second, 160x90, one byte a pixel. */
export function grayOf(path: string): Promise<Uint8Array[]> {
  const pictures = decoded.get(path) ?? decode(path);
  decoded.set(path, pictures);
  return pictures;
}

async function decode(path: string): Promise<Uint8Array[]> {
  const filter = `fps=${FPS},scale=${PICTURE_WIDTH}:${PICTURE_HEIGHT}:flags=fast_bilinear,format=gray`;
  const { stdout } = await promisify(execFile)(
    (await findFfmpeg()).path,
    ['-v', 'error', '-i', path, '-map', '0:v', '-an', '-vf', filter, '-f', 'rawvideo', '-'],
    { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 },
  );
  return Array.from({ length: Math.floor(stdout.length / FRAME_BYTES) }, (_, at) =>
    stdout.subarray(at * FRAME_BYTES, (at + 1) * FRAME_BYTES),
  );
}

const still = Float32Array.from({ length: FRAME_BYTES }, (_, at) => {
  const [x, y] = [at % PICTURE_WIDTH, Math.floor(at / PICTURE_WIDTH)];
  return 90 + 30 * Math.sin(x / 3) * Math.cos(y / 4);
});

const noises = new Map<number, Float32Array>();

/** One row of noise, shifted from line to line, at a hundredth of the cost of independent noise. */
function noiseOf(number: number): Float32Array {
  const random = new SeededRandom(number);
  const noise = noises.get(number) ?? Float32Array.from({ length: 1_009 }, () => 6 * (random.fraction() - 0.5));
  noises.set(number, noise);
  return noise;
}

/** A drawn picture: a pattern, noise that differs by `number`, and `change` applied to each pixel. */
export function drawn(number: number, change?: (gray: number, x: number, y: number) => number) {
  const noise = noiseOf(number);
  const picture = new Uint8Array(FRAME_BYTES);
  for (let y = 0, at = 0; y < ROWS; y += 1) {
    for (let x = 0; x < COLUMNS; x += 1, at += 1) {
      const plain = (still[at] ?? 0) + (noise[at % 1_009] ?? 0);
      const gray = change ? change(plain, x, y) : plain;
      picture[at] = Math.max(0, Math.min(255, Math.round(gray)));
    }
  }
  return picture;
}

/** Draws a visitor of 16 to 40 pixels into a picture, at `left`, `top`. */
export function visitorAt(left: number, top: number, width = 16, height = 40) {
  return (gray: number, x: number, y: number) =>
    x >= left && x < left + width && y >= top && y < top + height ? 215 - 40 * ((x + y) % 2) : gray;
}

/** An event with times in seconds after the first picture. */
export interface Seen {
  type: MotionEffect['type'];
  atS: number;
  startS?: number;
  zones: string[];
}

/** The detector's events for pictures 0.2 s apart. */
export function watch(pictures: readonly Uint8Array[], settings: Partial<MotionSettings> = {}): Seen[] {
  let state = initialMotion({ sensitivity: 50, zones: [], ...settings });
  return pictures.flatMap((pixels, number) => {
    const step = nextMotion(state, { type: 'frame', pixels, atUs: START_US + (number * 1_000_000) / FPS });
    state = step.state;
    return step.effects.map(seenOf);
  });
}

export function seenOf(effect: MotionEffect): Seen {
  const atS = (effect.atUs - START_US) / 1e6;
  const { type, zones } = effect;
  return effect.type === 'motion-end'
    ? { type, atS, startS: (effect.startUs - START_US) / 1e6, zones }
    : { type, atS, zones };
}
