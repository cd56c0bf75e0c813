// The leak story: the same window cut the usual way and by doorsill, and the hidden frames in each.
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshId } from '@doorsill/base/random';
import { SystemPrograms } from '@doorsill/base/system-programs';
import { Capture } from '@doorsill/device/camera/capture';
import { runFfmpeg } from '@doorsill/device/camera/ffmpeg-run';
import { type Ffmpeg, findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { parseCameraSource } from '@doorsill/device/camera/sources';
import { countFrames } from '@doorsill/device/clip/hidden-frame-count';
import { failure } from '../errors.ts';
import { ALL_CAMERAS } from '../porch/porch-camera.ts';
import { runDemo } from './demo.ts';
import type { StoryDeps } from './story-deps.ts';

/** The window of both cuts: it begins in the middle of a GOP, as most windows do. */
const FROM_US = 2_400_000;
const TO_US = 5_400_000;
const SECONDS = 8;

export interface LeakResult {
  window: { fromS: number; toS: number };
  naive: { shown: number; held: number; hidden: number };
  doorsill: { shown: number; held: number; hidden: number };
}

/** Runs it on `media`, or on drawn footage. Prints a table and, under --json, the result. */
export async function runLeakStory(
  deps: StoryDeps & { logLevel: string },
  signal: AbortSignal,
  media: string | null,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-leak-'));
  try {
    const ffmpeg = await findFfmpeg();
    const source = media ?? (await drawFootage(deps, ffmpeg, join(folder, 'porch.mp4'), signal));
    deps.output.progress(`Cutting ${FROM_US / 1e6} s to ${TO_US / 1e6} s out of ${media ?? 'drawn footage'}, twice.`);
    const naive = join(folder, 'naive.mp4');
    await naiveCut(deps, ffmpeg, source, naive, signal);
    const demo = {
      camera: `file:${source}`,
      fromUs: FROM_US,
      toUs: TO_US,
      disclose: '',
      audio: true,
      logLevel: deps.logLevel,
    };
    const ours = await runDemo({ ...demo, folder: join(folder, 'testbed') }, deps, signal);
    const count = async (path: string) => {
      const { shown, held } = await countFrames(path, { ffmpeg, clock: deps.clock, signal });
      return { shown, held, hidden: held - shown };
    };
    const result: LeakResult = {
      window: { fromS: FROM_US / 1e6, toS: TO_US / 1e6 },
      naive: await count(naive),
      doorsill: await count(ours.clip),
    };
    deps.output.result(result, table(result));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function table({ naive, doorsill }: LeakResult): string {
  const row = (name: string, counts: LeakResult['naive']) =>
    `  ${name.padEnd(34)}${String(counts.shown).padStart(8)}${String(counts.held).padStart(8)}${String(counts.hidden).padStart(8)}`;
  return [
    '',
    `  ${'frames'.padEnd(34)}   shown    held  hidden`,
    row('ffmpeg -ss FROM -to TO -c copy', naive),
    row('doorsill', doorsill),
    '',
    naive.hidden > 0
      ? `A player shows neither, but ${naive.hidden} frames from before the cut travel in the first file: anyone can decode them.`
      : 'On this footage the usual cut happens to begin at a keyframe; a window that does not would hide frames.',
  ].join('\n');
}

/** A file of the synthetic porch, as the device's own capture records it, fragment by fragment. */
async function drawFootage(deps: StoryDeps, ffmpeg: Ffmpeg, path: string, signal: AbortSignal): Promise<string> {
  const file = await open(path, 'w', 0o600);
  try {
    let isFirst = true;
    await new Promise<void>((resolve, reject) => {
      const source = parseCameraSource(`synthetic?pace=fast&seconds=${SECONDS}`, {}, ALL_CAMERAS);
      const boot = freshId(deps.random, 'boot');
      const capture = new Capture(
        {
          source,
          ffmpeg,
          boot,
          clock: deps.clock,
          random: deps.random,
          log: deps.log,
          programs: new SystemPrograms(),
          clockTrusted: () => true,
        },
        {
          segment: async ({ init, fragment }) => {
            if (isFirst) await file.write(init);
            isFirst = false;
            await file.write(fragment);
          },
          gray: () => {},
          state: (change) => {
            if (change.state === 'ended') resolve(capture.settled());
            if (change.state === 'failed') reject(change.failure ?? failure('internal', { detail: 'drawing failed' }));
          },
        },
      );
      capture.start(signal).catch(reject);
    });
  } finally {
    await file.close();
  }
  return path;
}

/** Leaks on purpose: many tools cut like this. */
async function naiveCut(deps: StoryDeps, ffmpeg: Ffmpeg, from: string, to: string, signal: AbortSignal): Promise<void> {
  const span = ['-ss', String(FROM_US / 1e6), '-i', `file:${from}`, '-to', String((TO_US - FROM_US) / 1e6)];
  await runFfmpeg(ffmpeg, {
    doing: 'making the naive cut',
    args: [...span, '-c', 'copy', '-y', `file:${to}`],
    files: true,
    stdoutBytesMax: 0,
    timeoutMs: 60_000,
    clock: deps.clock,
    signal,
  });
}
