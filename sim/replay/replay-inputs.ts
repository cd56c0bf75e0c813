// ffmpeg's inputs for a part of footage: start and end, separate sound, and images that this process writes.

import { readFile } from 'node:fs/promises';
import { fileInput } from '@doorsill/device/camera/ffmpeg-capture-command';
import type { FfmpegProcess } from '@doorsill/device/camera/ffmpeg-process';
import { writeTo } from '@doorsill/device/camera/ffmpeg-run';
import type { FileFacts } from '@doorsill/device/camera/probe-file';
import { sniffFile } from '@doorsill/device/camera/sniff';
import type { FeedPipes, RunInput } from '@doorsill/device/camera/source-interfaces';
import type { Port } from '@doorsill/device/camera/start-ffmpeg';
import type { FilmedSound } from '../camera-server/film-runs.ts';
import { failure } from '../errors.ts';
import { soundOf } from '../porch/chime-sound.ts';
import { SYNTHETIC_FPS, SYNTHETIC_SAMPLE_RATE } from '../porch/scene.ts';
import type { PictureInput } from './faulty-footage.ts';
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

/** One run's part: from `intoUs` on; its first picture is at `startUs` of the world's time. */
export interface Showing {
  part: FootagePart;
  intoUs: number;
  startUs: number;
}

/** A file is read from this much before the wanted picture, so that rounding does not drop it. */
const BEFORE_US = 1_000;

/** A showing's stretch from `fromUs` on, `lengthUs` long (Infinity: to its end). */
export function showingFrom({ part, intoUs, startUs }: Showing, fromUs: number, lengthUs: number): Showing {
  const endUs = part.fromUs + intoUs + fromUs + lengthUs;
  const toUs = Math.min(endUs, part.toUs ?? Number.POSITIVE_INFINITY);
  const { toUs: _to, ...whole } = part;
  return {
    part: { ...whole, ...(Number.isFinite(toUs) ? { toUs } : {}) },
    intoUs: intoUs + fromUs,
    startUs: startUs + fromUs,
  };
}

/** The input for its pictures. `facts` are those of a video; `porch` draws the porch. */
export async function filmedPictures(
  { part, intoUs, startUs }: Showing,
  facts: FileFacts | null,
  porch: (showing: Showing) => Promise<PartInput>,
): Promise<PictureInput> {
  switch (part.source.kind) {
    case 'porch': {
      const { inputs, feed } = await porch({ part: { ...part, audio: false }, intoUs, startUs });
      return { inputs, feed, stream: '0:v:0', beforeUs: 0 };
    }
    case 'images':
      return {
        inputs: [imagesInput(part.source.paths[0] ?? '', part.source.fps)],
        feed: (pipes, run) => feedImages(part, intoUs, pipes, run),
        stream: '0:v:0',
        beforeUs: 0,
      };
    case 'video': {
      if (!facts) throw failure('internal', { detail: 'a video is probed first' });
      const beforeUs = Math.min(intoUs, BEFORE_US);
      const input = cutInput(fileInput(part.source.path, facts.container), part, intoUs - beforeUs);
      return { inputs: [input], feed: null, stream: facts.plan.videoStream, beforeUs };
    }
  }
}

/** The input for its sound; null without sound. Throws `camera_...`. */
export async function filmedSoundOf(showing: Showing, facts: FileFacts | null): Promise<FilmedSound | null> {
  const { part, intoUs } = showing;
  const { source, sound } = part;
  if (!part.audio) return null;
  if (sound !== undefined) {
    const input = cutInput(fileInput(sound, await sniffFile(sound, sound)), part, intoUs);
    return { inputs: [input], feed: null, stream: '0:a:0', isFilled: true };
  }
  if (source.kind === 'porch') return source.source.audio ? drawnSound(showing) : null;
  if (source.kind === 'images' || !facts || facts.plan.audio === 'none') return null;
  const input = cutInput(fileInput(source.path, facts.container), part, intoUs);
  return { inputs: [input], feed: null, stream: facts.plan.audioStream, isFilled: true };
}

function drawnSound({ part, intoUs }: Showing): FilmedSound {
  const first = Math.round(((part.fromUs + intoUs) * SYNTHETIC_FPS) / 1_000_000);
  return {
    inputs: [{ options: ['-f', 's16le', '-ar', String(SYNTHETIC_SAMPLE_RATE), '-ac', '1'], address: 'pipe:0' }],
    // Endless: the reader stops it when the pictures end.
    feed: async ({ child }: FfmpegProcess, signal: AbortSignal) => {
      for (let frame = first; child.stdin && !signal.aborted; frame += 1)
        if (!(await writeTo(child.stdin, soundOf(frame)))) return;
    },
    stream: '0:a:0',
    isFilled: false,
  };
}
