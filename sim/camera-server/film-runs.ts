// One run of ffmpeg that encodes a camera's pictures, or its sound, as access units.

import type { Log } from '@doorsill/base/log';
import { AdtsSplitter, PACKET_SAMPLES, soundConfigOf } from '@doorsill/contract/media/aac';
import { parseFragment, type Sample } from '@doorsill/contract/media/fragment';
import { FragmentSplitter } from '@doorsill/contract/media/fragment-splitter';
import { type InitInfo, parseInit } from '@doorsill/contract/media/init-segment';
import { encodeArgs, LIVE_ARGS } from '@doorsill/device/camera/ffmpeg-capture-command';
import type { FfmpegProcess } from '@doorsill/device/camera/ffmpeg-process';
import { COMMON_ARGS, startFfmpeg } from '@doorsill/device/camera/ffmpeg-run';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import type { Port } from '@doorsill/device/camera/start-ffmpeg';
import { SYNTHETIC_SAMPLE_RATE } from '../porch/scene.ts';
import { type AccessUnit, pictureParts } from './access-units.ts';
import type { PictureChange } from './fault-table.ts';

/** Every camera's sound: one channel at this rate. */
export const SOUND = soundConfigOf(SYNTHETIC_SAMPLE_RATE, 1);

/** Assumed duration of a last picture without one. */
const FRAME_US_DEFAULT = 40_000;

/** Descriptors 3 and 4: the drawn porch is read with its sound there. */
const EXTRA_PIPES = 2;

export interface FilmDeps {
  readonly log: Log;
  readonly ffmpeg: Ffmpeg;
}

/** ffmpeg's inputs, and the function that writes to them where ffmpeg cannot open them itself. */
interface FilmInput {
  readonly inputs: readonly Port[];
  readonly feed: ((running: FfmpegProcess, signal: AbortSignal) => Promise<void>) | null;
}

interface FilmedPictures extends FilmInput {
  /** ffmpeg's specifier within the first input, such as `0:v:0`. */
  readonly stream: string;
  /** Distance of the first picture from the position where ffmpeg begins to read. */
  readonly beforeUs: number;
  /** Infinity: to the end. */
  readonly lengthUs: number;
  readonly change: Required<PictureChange>;
  /** Copy H.264 unchanged. */
  readonly isCopied: boolean;
}

/** A picture; its times are microseconds since the run's beginning. */
export interface RunPicture {
  readonly init: InitInfo;
  readonly sample: Sample;
  readonly ptsUs: number;
  readonly dtsUs: number;
  readonly durationUs: number;
}

/** The pictures of one run, in decoding order. */
export async function* filmPictures(
  deps: FilmDeps,
  film: FilmedPictures,
  signal: AbortSignal,
): AsyncGenerator<RunPicture> {
  const { beforeUs, lengthUs } = film;
  const output = [
    ...(Number.isFinite(lengthUs) ? ['-t', `${lengthUs + beforeUs}us`] : []),
    ...['-map', film.stream, ...codecArgs(deps.ffmpeg, film)],
    ...['-an', ...LIVE_ARGS, 'pipe:1'],
  ];
  const running = start(deps, [...inputArgs(film), ...output], signal);
  const fed = film.feed?.(running, signal).catch(() => undefined);
  const splitter = new FragmentSplitter();
  let init: InitInfo | null = null;
  let originUs: number | null = null;
  let durationUs = FRAME_US_DEFAULT;
  let isWhole = false;
  try {
    for await (const chunk of running.child.stdout ?? []) {
      for (const part of splitter.push(chunk)) {
        if (part.kind === 'init') init = parseInit(part.bytes);
        else if (init) {
          for (const sample of parseFragment(init, part.bytes).video) {
            const us = (ticks: number) => Math.round((ticks * 1_000_000) / (init?.video.timescale ?? 1));
            durationUs = us(sample.duration) || durationUs;
            // With reordered pictures the MP4 muxer shifts all times until the first dts is 0.
            originUs ??= sample.dts === 0 && sample.pts > 0 ? us(sample.pts) : beforeUs;
            yield { init, sample, ptsUs: us(sample.pts) - originUs, dtsUs: us(sample.dts) - originUs, durationUs };
          }
        }
      }
    }
    isWhole = true;
  } finally {
    await conclude(deps, running, isWhole);
    await fed;
  }
}

function codecArgs(ffmpeg: Ffmpeg, { isCopied, change: { filters, encoder } }: FilmedPictures): string[] {
  if (isCopied) return ['-c:v', 'copy'];
  // One thread: the same footage is encoded to the same bytes on every machine.
  const usual = encodeArgs({ ...ffmpeg, encoderThreads: 1 }, 'libx264');
  // ffmpeg uses the last of repeated options.
  const chain = [...filters, 'crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0'].join(',');
  return [...usual, ...(filters.length > 0 ? ['-vf', chain] : []), ...encoder];
}

export interface FilmedSound extends FilmInput {
  /** ffmpeg's specifier within the first input. */
  readonly stream: string;
  /** Fills a late beginning and gaps in the sound with silence. */
  readonly isFilled: boolean;
}

/** The packets of one run's sound, without gaps. */
export async function* filmSound(deps: FilmDeps, film: FilmedSound, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const fill = film.isFilled ? ['-af', 'aresample=async=1:first_pts=0'] : [];
  const { sampleRate } = SOUND;
  const aac = ['-c:a', 'aac', '-b:a', '96k', '-ar', String(sampleRate), '-ac', '1', '-f', 'adts', 'pipe:1'];
  const args = [...inputArgs(film), '-map', film.stream, '-vn', ...fill, ...aac];
  const running = start(deps, args, signal);
  const fed = film.feed?.(running, signal).catch(() => undefined);
  const splitter = new AdtsSplitter(SOUND);
  let isWhole = false;
  try {
    for await (const chunk of running.child.stdout ?? []) yield* splitter.push(chunk);
    isWhole = true;
  } finally {
    await conclude(deps, running, isWhole);
    await fed;
  }
}

function inputArgs({ inputs }: FilmInput): string[] {
  return inputs.flatMap(({ options, address }) => [...options, '-i', address]);
}

function start({ ffmpeg, log }: FilmDeps, args: readonly string[], signal: AbortSignal): FfmpegProcess {
  const options = { onLine: (line: string) => log.debug('ffmpeg wrote a line', { line }), pipes: EXTRA_PIPES };
  const running = startFfmpeg(ffmpeg, [...COMMON_ARGS, '-loglevel', 'level+warning', ...args], options);
  if (signal.aborted) running.kill();
  else signal.addEventListener('abort', running.kill, { once: true });
  void running.ended.then(() => signal.removeEventListener('abort', running.kill));
  return running;
}

/** Waits for the end of a run; kills it first unless its whole output was read. Logs a failure. */
async function conclude({ log }: FilmDeps, running: FfmpegProcess, isWhole: boolean): Promise<void> {
  if (!isWhole) running.kill();
  const end = await running.ended;
  if (end.status !== null && end.status !== 0)
    log.warn('ffmpeg failed, so this run of the film ends early', { detail: end.words });
}

/** A picture as a unit; its run begins at `startUs` of the camera's time. */
export function unitOf({ init, sample, ptsUs, dtsUs }: RunPicture, startUs: number): AccessUnit {
  const times = { ptsUs: startUs + ptsUs, dtsUs: startUs + dtsUs, dueUs: startUs + dtsUs };
  return { track: 'video', ...times, key: sample.key, parts: pictureParts(init, sample) };
}

/**
 * Packet number `at` of a run of sound that begins at `startUs`, as a unit. An AAC encoder's first packet lies before the first picture.
 */
export function soundUnitOf(packet: Uint8Array, at: number, startUs: number): AccessUnit {
  const ptsUs = startUs + Math.round(((at - 1) * PACKET_SAMPLES * 1_000_000) / SOUND.sampleRate);
  return { track: 'audio', ptsUs, dtsUs: ptsUs, dueUs: ptsUs, key: true, parts: [packet] };
}
