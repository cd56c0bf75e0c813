// Cuts a clip in a test with the real ffmpeg, and stores its bytes in a file.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SystemClock } from '../../../../device/base/clock.ts';
import { silentLog } from '../../../../device/base/log.ts';
import type { Ffmpeg } from '../../../../device/camera/find-ffmpeg.ts';
import type { Segment } from '../../../../device/camera/segment.ts';
import type { Clip, ClipReader } from '../../../../device/clip/finished-clip.ts';
import type { CutDeps } from '../../../../device/clip/recent-encodings.ts';
import { RecentEncodings } from '../../../../device/clip/recent-encodings.ts';
import { trim } from '../../../../device/clip/trim.ts';
import type { LiveGrant } from '../../../../device/consent/live-grant.ts';
import { concatBytes } from '../../../../device/contract/bytes.ts';
import { ringOf } from './segmenter.ts';

export function depsFor(ffmpeg: Ffmpeg, segments: readonly Segment[], more: Partial<CutDeps> = {}): CutDeps {
  return {
    segments: ringOf(segments),
    ffmpeg,
    clock: new SystemClock(),
    log: silentLog(),
    recode: 'when-needed',
    recent: new RecentEncodings(new SystemClock()),
    ...more,
  };
}

/** A clip and its bytes. */
export interface CutClip {
  clip: Clip;
  bytes: Uint8Array;
}

export async function cut(live: LiveGrant, deps: CutDeps): Promise<CutClip> {
  const clip = await trim(live, deps);
  return { clip, bytes: await allBytes(clip) };
}

export async function allBytes(clip: Clip): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of clip.parts()) parts.push(part);
  return concatBytes(parts);
}

/** Number of child processes that still run; waits one turn for those that have just ended. */
export async function childProcesses(): Promise<number> {
  await setImmediate();
  await setImmediate();
  return process.getActiveResourcesInfo().filter((kind) => kind === 'ProcessWrap').length;
}

export function readerOf(bytes: Uint8Array): ClipReader {
  return {
    sizeBytes: bytes.length,
    read: (position, length, into) => {
      if (position < 0 || position + length > bytes.length) return Promise.reject(new Error('read beyond the clip'));
      const out = into && into.length >= length ? into.subarray(0, length) : new Uint8Array(length);
      out.set(bytes.subarray(position, position + length));
      return Promise.resolve(out);
    },
  };
}

export async function saved(folder: string, name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}
