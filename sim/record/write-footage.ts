// Owns: writing recorded footage into files that are plain to anybody: without sound unless it is asked for, areas blacked out. What is
// left out never reaches a disk: ffmpeg takes the footage from a pipe. Not here: recording it (record-camera.ts), the scenario around it.
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Clock,
  type Ffmpeg,
  failure,
  type OwnServerClient,
  recordedMp4Args,
  runFfmpeg,
  type Window,
  type Zone,
} from '../../device/index.ts';

export interface FootageTerms {
  audio: boolean;
  /** Blacked out in every picture. */
  zones: readonly Zone[];
}

/** A file that was written, and what it covers. */
export interface WrittenFootage {
  file: string;
  window: Window;
  bytes: number;
}

/** A camera that changes its format more often than this shows nothing that replays. */
const FILES_MAX = 100;
/** Time to write a second of footage in, on a slow machine and encoded; and at least so much in all. */
const MS_PER_S = 10_000;
const TIMEOUT_MS_LEAST = 60_000;
const BYTES_MAX = 2 ** 40;

/** Writes all footage of a span: one file, or one for each format of the camera. Files of which a part is missing are removed. */
export async function writeFootage(
  session: OwnServerClient,
  window: Window,
  folder: string,
  terms: FootageTerms,
  deps: { ffmpeg: Ffmpeg; clock: Clock },
): Promise<WrittenFootage[]> {
  const written: WrittenFootage[] = [];
  for (let fromUs = window.startUs; fromUs < window.endUs; ) {
    if (written.length >= FILES_MAX)
      throw failure('record_nothing', { detail: `the camera changed its format more than ${FILES_MAX} times` });
    const part = await session.footageFile({ startUs: fromUs, endUs: window.endUs });
    const file = written.length === 0 ? 'footage.mp4' : `footage-${written.length + 1}.mp4`;
    const bytes = await writeOne(part, join(folder, file), terms, deps);
    written.push({ file, window: part.window, bytes });
    fromUs = Math.max(fromUs + 1, part.window.endUs);
  }
  return written;
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
    await handle.close();
    return count;
  } catch (thrown) {
    await handle.close();
    await rm(path, { force: true });
    throw thrown;
  }
}
