// Writes recorded footage into plain files, without sound unless requested, with areas blacked out. Omitted parts never reach a disk:
// ffmpeg reads the footage from a pipe.

import { createReadStream } from 'node:fs';
import { open, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import { isNoSpace } from '@doorsill/base/disk';
import { parseFragment } from '@doorsill/contract/media/fragment';
import { FragmentSplitter } from '@doorsill/contract/media/fragment-splitter';
import { type InitInfo, parseInit } from '@doorsill/contract/media/init-segment';
import type { Window, Zone } from '@doorsill/contract/shared-claims';
import { runFfmpeg } from '@doorsill/device/camera/ffmpeg-run';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { recordedMp4Args } from '@doorsill/device/camera/recorded-mp4';
import type { OwnServerClient } from '@doorsill/device/owner/own-server-client';
import { failure } from '../errors.ts';

export interface FootageTerms {
  audio: boolean;
  /** Blacked out in every picture. */
  zones: readonly Zone[];
}

/** A written file and the span that it covers. */
export interface WrittenFootage {
  file: string;
  window: Window;
  bytes: number;
}

/** A camera that changes its format more often is refused. */
const FILES_MAX = 100;
/** Time limit for writing a second of footage, on a slow machine with encoding; and the minimum limit. */
const MS_PER_S = 10_000;
const TIMEOUT_MS_LEAST = 60_000;
const BYTES_MAX = 2 ** 40;

/**
 * Writes the footage of a span: one file for each format of the camera. On a full disk, the whole fragments that fit are kept and can be
 * played, and `isWhole` is false. On other errors incomplete files are removed. Throws errors of ffmpeg and of the disk, and `disk_full` if
 * not one fragment fits.
 */
export async function writeFootage(
  session: OwnServerClient,
  window: Window,
  folder: string,
  terms: FootageTerms,
  deps: { ffmpeg: Ffmpeg; clock: Clock },
): Promise<{ written: WrittenFootage[]; isWhole: boolean }> {
  const written: WrittenFootage[] = [];
  for (let fromUs = window.startUs; fromUs < window.endUs; ) {
    if (written.length >= FILES_MAX)
      throw failure('record_nothing', { detail: `the camera changed its format more than ${FILES_MAX} times` });
    const part = await session.footageFile({ startUs: fromUs, endUs: window.endUs });
    const file = written.length === 0 ? 'footage.mp4' : `footage-${written.length + 1}.mp4`;
    try {
      const bytes = await writeOne(part, join(folder, file), terms, deps);
      written.push({ file, window: part.window, bytes });
    } catch (thrown) {
      const begun = { file, window: part.window, bytes: 0 };
      const kept = isNoSpace(thrown) ? [...written, ...(await cut(folder, begun, 0))] : [];
      if (kept.length > 0) return { written: kept, isWhole: false };
      await rm(join(folder, file), { force: true });
      throw isNoSpace(thrown) ? nothingFits(folder, thrown) : thrown;
    }
    fromUs = Math.max(fromUs + 1, part.window.endUs);
  }
  return { written, isWhole: true };
}

/** Removes the last fragment, to make room on a full disk. Throws `disk_full` if nothing remains. */
export async function withoutLastFragment(
  folder: string,
  footage: readonly WrittenFootage[],
): Promise<WrittenFootage[]> {
  const last = footage.at(-1);
  const left = last ? [...footage.slice(0, -1), ...(await cut(folder, last, 1))] : [];
  if (left.length === 0) throw nothingFits(folder);
  return left;
}

function nothingFits(folder: string, cause?: unknown): Error {
  return failure('disk_full', { detail: `not even the start of the recording fits into ${folder}` }, cause);
}

/** Truncates a file to its whole fragments without the last `dropped` of them; removes it if none remains. */
async function cut(folder: string, { file, window }: WrittenFootage, dropped: number): Promise<WrittenFootage[]> {
  const path = join(folder, file);
  // The file may not exist if it could not be created.
  const isThere = (await stat(path).catch(() => null)) !== null;
  const last = isThere ? (await wholeFragments(path)).at(-1 - dropped) : undefined;
  if (!last) {
    await rm(path, { force: true });
    return [];
  }
  await truncate(path, last.endByte);
  return [{ file, window: { ...window, endUs: window.startUs + last.lengthUs }, bytes: last.endByte }];
}

/** The end of each whole fragment: in bytes, and in microseconds since the first picture. */
async function wholeFragments(path: string): Promise<{ endByte: number; lengthUs: number }[]> {
  const splitter = new FragmentSplitter();
  const ends: { endByte: number; lengthUs: number }[] = [];
  let init: InitInfo | null = null;
  let endByte = 0;
  let first: number | null = null;
  for await (const bytes of createReadStream(path)) {
    for (const part of splitter.push(bytes)) {
      endByte += part.bytes.length;
      init ??= parseInit(part.bytes);
      if (part.kind === 'init') continue;
      const { video } = parseFragment(init, part.bytes);
      first ??= Math.min(...video.map(({ pts }) => pts));
      const end = Math.max(...video.map(({ pts, duration }) => pts + duration));
      ends.push({ endByte, lengthUs: Math.round(((end - first) * 1_000_000) / init.video.timescale) });
    }
  }
  return ends;
}

async function writeOne(
  { window, bytes }: { window: Window; bytes: AsyncIterable<Uint8Array> },
  path: string,
  terms: FootageTerms,
  { ffmpeg, clock }: { ffmpeg: Ffmpeg; clock: Clock },
): Promise<number> {
  const handle = await open(path, 'wx', 0o600);
  let count = 0;
  try {
    await runFfmpeg(ffmpeg, {
      doing: 'writing the recorded footage',
      args: recordedMp4Args(terms, ffmpeg),
      stdin: bytes,
      onStdout: async (part) => {
        await handle.writeFile(part);
        count += part.length;
      },
      stdoutBytesMax: BYTES_MAX,
      timeoutMs: Math.max(TIMEOUT_MS_LEAST, ((window.endUs - window.startUs) / 1_000_000) * MS_PER_S),
      clock,
    });
    await handle.sync();
    return count;
  } finally {
    await handle.close();
  }
}
