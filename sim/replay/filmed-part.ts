// Inputs for a camera with faults: a part of the footage from one time to another, pictures and sound each for an ffmpeg of its own.

import { fileInput } from '@doorsill/device/camera/ffmpeg-capture-command';
import type { FfmpegProcess } from '@doorsill/device/camera/ffmpeg-process';
import { writeTo } from '@doorsill/device/camera/ffmpeg-run';
import type { FileFacts } from '@doorsill/device/camera/probe-file';
import { sniffFile } from '@doorsill/device/camera/sniff';
import type { FilmedSound } from '../camera-server/film-runs.ts';
import { failure } from '../errors.ts';
import { soundOf } from '../porch/chime-sound.ts';
import { SYNTHETIC_FPS, SYNTHETIC_SAMPLE_RATE } from '../porch/scene.ts';
import type { Filmed } from './faulty-footage.ts';
import type { FootagePart } from './footage.ts';
import { cutInput, feedImages, imagesInput, type PartInput } from './replay-inputs.ts';

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
): Promise<Filmed> {
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
