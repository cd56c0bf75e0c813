// A small ring for tests: runs ffmpeg with the capture's arguments on a file and keeps its fragments as segments.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Segment, wallTimeUs } from '../../../../device/camera/segment.ts';
import { parseFragment, parseInit } from '../../../../device/contract/media/fragment.ts';
import { FragmentSplitter } from '../../../../device/contract/media/fragment-splitter.ts';
import type { Window } from '../../../../device/contract/shared-claims.ts';
import { makeFootage, type Style } from './footage.ts';

/** Wall time at which test footage starts: a round number of microseconds. */
export const FOOTAGE_START_US = 1_800_000_000_000_000;

export interface CaptureOptions {
  recording?: string;
  /** Wall time of the first frame. */
  startUs?: number;
  /** What replaces `-c copy`, e.g. an encode. */
  codec?: readonly string[];
  extra?: readonly string[];
}

/** Captures a file like a camera; returns its segments in order. */
export async function captureFile(ffmpeg: string, path: string, options: CaptureOptions = {}): Promise<Segment[]> {
  const args = [
    ...['-hide_banner', '-loglevel', 'error', '-i', path, '-map', '0', '-map_metadata', '-1'],
    ...(options.codec ?? ['-c', 'copy', '-copyinkf:a']),
    ...['-max_interleave_delta', '500000', '-avoid_negative_ts', 'disabled', ...(options.extra ?? [])],
    ...['-movflags', '+frag_keyframe+empty_moov+default_base_moof+frag_discont', '-f', 'mp4', 'pipe:1'],
  ];
  const child = spawn(ffmpeg, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  child.stderr.on('data', (text: Buffer) => {
    words += text.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const splitter = new FragmentSplitter();
  let init = new Uint8Array(0);
  const fragments: Uint8Array[] = [];
  for await (const chunk of child.stdout) {
    for (const part of splitter.push(chunk as Buffer)) {
      if (part.kind === 'init') init = Uint8Array.from(part.bytes);
      else fragments.push(part.bytes);
    }
  }
  if ((await ended) !== 0) throw new Error(`ffmpeg could not capture: ${words}`);
  return segmentsOf(init, fragments, options);
}

const captured = new Map<string, Promise<Segment[]>>();

/** Footage of this style, captured; made once in a process, so nobody may change its bytes. */
export function capturedFootage(ffmpeg: string, style: Style, options: CaptureOptions = {}): Promise<Segment[]> {
  const key = JSON.stringify([ffmpeg, style, options]);
  const made = captured.get(key) ?? captureFootage(ffmpeg, style, options);
  captured.set(key, made);
  return made;
}

async function captureFootage(ffmpeg: string, style: Style, options: CaptureOptions): Promise<Segment[]> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-footage-'));
  try {
    return await captureFile(ffmpeg, await makeFootage(ffmpeg, folder, style), options);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function segmentsOf(init: Uint8Array, fragments: readonly Uint8Array[], options: CaptureOptions): Segment[] {
  const info = parseInit(init);
  const { timescale } = info.video;
  const startUs = options.startUs ?? FOOTAGE_START_US;
  let wallOffsetUs: number | null = null;
  return fragments.flatMap((fragment, index) => {
    const { video } = parseFragment(info, fragment);
    const [first, last] = [video[0], video.at(-1)];
    if (!first || !last) return [];
    const earliest = Math.min(...video.map((sample) => sample.pts));
    wallOffsetUs ??= startUs - wallTimeUs(earliest, timescale, 0);
    const offsetUs = wallOffsetUs;
    const end = Math.max(...video.map((sample) => sample.pts + sample.duration));
    return [
      {
        recording: options.recording ?? 'recording-1',
        index,
        boot: 'boot-1',
        clockTrusted: true,
        startUs: wallTimeUs(earliest, timescale, offsetUs),
        endUs: wallTimeUs(end, timescale, offsetUs),
        wallOffsetUs: offsetUs,
        init,
        fragment,
      },
    ];
  });
}

/** `ring.read` over segments in memory. */
export function ringOf(segments: readonly Segment[]): (window: Window) => AsyncIterable<Segment> {
  return async function* read(window) {
    for (const segment of segments) {
      if (segment.startUs < window.endUs && segment.endUs > window.startUs) yield segment;
    }
  };
}

/** Wall times of all video frames of segments, in order of display. */
export function frameTimesUs(segments: readonly Segment[]): number[] {
  return segments
    .flatMap((segment) => {
      const info = parseInit(segment.init);
      const { video } = parseFragment(info, segment.fragment);
      return video.map((sample) => wallTimeUs(sample.pts, info.video.timescale, segment.wallOffsetUs));
    })
    .sort((a, b) => a - b);
}

/** The same segment with its sound stamped `samples` later. */
export function soundLater(segment: Segment, samples: number): Segment {
  const fragment = segment.fragment.slice();
  const bytes = Buffer.from(fragment.buffer);
  // The second tfdt is the sound's: the tracks are in the order of the capture.
  const at = bytes.indexOf('tfdt', bytes.indexOf('tfdt') + 4) + 8;
  bytes.writeBigInt64BE(bytes.readBigInt64BE(at) + BigInt(samples), at);
  return { ...segment, fragment };
}
