// ffmpeg's inputs for a part of footage: start and end, separate sound, and images that this process writes.

import { readFile } from 'node:fs/promises';
import { fileInput } from '@doorsill/device/camera/ffmpeg-capture-command';
import { writeTo } from '@doorsill/device/camera/ffmpeg-run';
import { sniffFile } from '@doorsill/device/camera/sniff';
import type { FeedPipes, RunInput } from '@doorsill/device/camera/source-interfaces';
import type { Port } from '@doorsill/device/camera/start-ffmpeg';
import { failure } from '../errors.ts';
import { type FootagePart, formatOf } from './footage.ts';

/** Images are read whole. */
const IMAGE_BYTES_MAX = 64 * 1024 * 1024;

/** An input that begins and ends with its part. */
export function cutInput(input: Port, { fromUs, toUs }: FootagePart, intoUs: number): Port {
  const beginUs = fromUs + intoUs;
  const from = beginUs > 0 ? ['-ss', `${beginUs}us`] : [];
  const to = toUs === undefined ? [] : ['-t', `${Math.max(1, toUs - beginUs)}us`];
  return { ...input, options: [...input.options, ...from, ...to] };
}

export type PartInput = Pick<RunInput, 'inputs' | 'plan' | 'feed'>;

/** Replaces the video's sound by the separate file's. Throws `camera_...`. */
export async function withOwnSound(part: FootagePart, intoUs: number, input: PartInput): Promise<PartInput> {
  if (part.sound === undefined || !part.audio) return input;
  const container = await sniffFile(part.sound, part.sound);
  return {
    ...input,
    inputs: [...input.inputs, cutInput(fileInput(part.sound, container), part, intoUs)],
    plan: { ...input.plan, audio: 'encode', audioStream: '1:a:0' },
  };
}

/** An input for images of one format, written by this process. */
export function imagesInput(first: string, fps: number): Port {
  return {
    options: [
      ...['-protocol_whitelist', 'pipe', '-max_pixels', String(8192 * 4320)],
      ...['-f', 'image2pipe', '-framerate', String(fps), '-c:v', formatOf(first)],
    ],
    address: 'pipe:0',
  };
}

const PNG_BEGINS = Buffer.from('89504e470d0a1a0a', 'hex');
const PNG_ENDS = Buffer.from('49454e44ae426082', 'hex');
const JPEG_BEGINS = Buffer.from('ffd8', 'hex');
const JPEG_SCAN = Buffer.from('ffda', 'hex');
const JPEG_ENDS = Buffer.from('ffd9', 'hex');

/** Whether an image begins and ends as its format requires. If not, ffmpeg would swallow the next one, and move all that follow. */
function isWhole(path: string, bytes: Buffer): boolean {
  if (formatOf(path) === 'png') return bytes.indexOf(PNG_BEGINS) === 0 && bytes.includes(PNG_ENDS);
  const scan = bytes.lastIndexOf(JPEG_SCAN);
  return bytes.indexOf(JPEG_BEGINS) === 0 && scan > 0 && bytes.lastIndexOf(JPEG_ENDS) > scan;
}

/** Writes images into ffmpeg from `intoUs` of the part on. Throws `camera_refused_format`. */
export async function feedImages(part: FootagePart, intoUs: number, pipes: FeedPipes, run: AbortSignal): Promise<void> {
  if (part.source.kind !== 'images') return;
  const { paths, fps } = part.source;
  const at = (us: number) => Math.round((us * fps) / 1_000_000);
  const end = part.toUs === undefined ? paths.length : at(part.toUs);
  for (const path of paths.slice(at(part.fromUs + intoUs), end)) {
    if (run.aborted) return;
    const bytes = await readFile(path);
    if (bytes.length > IMAGE_BYTES_MAX)
      throw failure('camera_refused_format', { source: path, detail: `it has more than ${IMAGE_BYTES_MAX} bytes` });
    if (!isWhole(path, bytes))
      throw failure('camera_refused_format', {
        source: path,
        detail: 'it is not a complete image of the format in its name',
      });
    if (!(await writeTo(pipes.video, bytes))) return;
  }
}
