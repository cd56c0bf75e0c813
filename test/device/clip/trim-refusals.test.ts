// When no clip is made: an empty window, a dead grant, a limit, an untrusted clock, a changed picture, a changed ring; and the
// handling of gaps.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Segment } from '../../../device/camera/segment.ts';
import { selfCheck } from '../../../device/clip/self-check.ts';
import { trim } from '../../../device/clip/trim.ts';
import type { LiveGrant } from '../../../device/consent/live-grant.ts';
import { failure } from '../../../device/contract/errors.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';
import { chosenFfmpeg as ffmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { allBytes, childProcesses, cut, depsFor, readerOf, saved } from './support/cutting.ts';
import { readFrameNumbers, x264 } from './support/footage.ts';
import { capturedFootage, FOOTAGE_START_US, frameTimesUs, ringOf } from './support/segmenter.ts';

/** One recording of 4 s; and one of another camera setting, each with 15 frames a second and a keyframe a second. */
let segments: Segment[] = [];
let otherSize: Segment[] = [];
let otherSets: Segment[] = [];
/** Another recording, whose parameter sets have the id that is free in the first. */
let nextId: Segment[] = [];

beforeAll(async () => {
  segments = await capturedFootage(ffmpeg.path, { video: x264(15), frames: 60 });
  const next = { recording: 'recording-2', startUs: FOOTAGE_START_US + 6_000_000 };
  const later = (...video: string[]) => capturedFootage(ffmpeg.path, { video, frames: 30 }, next);
  otherSize = await later('-vf', 'scale=160:96', ...x264(15));
  otherSets = await later(...x264(15, '-preset', 'veryfast'));
  nextId = await later(...x264(15, '-x264-params', 'sps-id=1'));
});

/** A window in microseconds after the footage's start. */
function span(startUs: number, endUs: number): Window {
  return { startUs: FOOTAGE_START_US + startUs, endUs: FOOTAGE_START_US + endUs };
}

const code = (expected: string) => ({ code: expected });

describe('trim refuses', () => {
  it('an object that only looks like a live grant', async () => {
    const { live } = liveGrantFor({ window: span(0, 1_000_000) });
    const forged = { id: live.id, facts: live.facts, signal: live.signal, assertAlive: () => {} };
    // A forger is not bound by types.
    const call = trim as (live: unknown, deps: Parameters<typeof trim>[1]) => Promise<unknown>;
    await expect(call(forged, depsFor(ffmpeg, segments))).rejects.toMatchObject(code('grant_dead'));
  });

  it('a grant that has ended', async () => {
    const { live, end } = liveGrantFor({ window: span(0, 1_000_000) });
    end('it was revoked');
    await expect(trim(live, depsFor(ffmpeg, segments))).rejects.toMatchObject(code('grant_dead'));
  });

  it('a grant that ends while the ring is read', async () => {
    const { live, end } = liveGrantFor({ window: span(0, 4_000_000) });
    const read = ringOf(segments);
    const deps = depsFor(ffmpeg, segments, {
      segments: async function* (window) {
        for await (const segment of read(window)) {
          yield segment;
          end('it was revoked');
        }
      },
    });
    await expect(trim(live, deps)).rejects.toMatchObject(code('grant_dead'));
  });

  it('to continue a clip whose grant has ended', async () => {
    const { live, end } = liveGrantFor({ window: span(200_000, 4_000_000) });
    const clip = await trim(live, depsFor(ffmpeg, segments));
    const parts = clip.parts()[Symbol.asyncIterator]();
    await parts.next();
    end('it was revoked');
    const rest = async () => {
      while (!(await parts.next()).done);
    };
    await expect(rest()).rejects.toMatchObject(code('grant_dead'));
  });

  it('to continue after the caller has aborted', async () => {
    const { live } = liveGrantFor({ window: span(200_000, 4_000_000) });
    const signal = AbortSignal.abort(failure('interrupted', { signal: 'SIGTERM' }));
    await expect(trim(live, depsFor(ffmpeg, segments, { signal }))).rejects.toMatchObject(code('interrupted'));
  });

  it('a window without a frame', async () => {
    const { live } = liveGrantFor({ window: span(10_000, 50_000) });
    await expect(trim(live, depsFor(ffmpeg, segments))).rejects.toMatchObject(code('clip_no_frames'));
    const later = liveGrantFor({ window: span(60_000_000, 70_000_000) });
    await expect(trim(later.live, depsFor(ffmpeg, segments))).rejects.toMatchObject(code('clip_no_frames'));
  });

  it('a clip with more bytes than granted', async () => {
    const { live } = liveGrantFor({ window: span(0, 4_000_000), byteLimit: 10_000 });
    await expect(trim(live, depsFor(ffmpeg, segments))).rejects.toMatchObject(code('clip_over_limit'));
    const inHead = liveGrantFor({ window: span(100_000, 900_000), byteLimit: 900 });
    await expect(trim(inHead.live, depsFor(ffmpeg, segments))).rejects.toMatchObject(code('clip_over_limit'));
  });

  it('footage of an untrusted clock', async () => {
    const { live } = liveGrantFor({ window: span(0, 4_000_000) });
    const doubtful = segments.map((segment, at) => ({ ...segment, clockTrusted: at !== 2 }));
    await expect(trim(live, depsFor(ffmpeg, doubtful))).rejects.toMatchObject(code('consent_window_ambiguous'));
  });

  it('two recordings with the same time', async () => {
    const { live } = liveGrantFor({ window: span(0, 9_000_000) });
    const overlapping = otherSets.map((segment) => ({ ...segment, wallOffsetUs: segment.wallOffsetUs - 3_000_000 }));
    const ring = [...segments, ...overlapping];
    await expect(trim(live, depsFor(ffmpeg, ring))).rejects.toMatchObject(code('consent_window_ambiguous'));
  });

  it('a picture that changes its size in the window', async () => {
    const { live } = liveGrantFor({ window: span(0, 9_000_000) });
    const ring = [...segments, ...otherSize];
    await expect(trim(live, depsFor(ffmpeg, ring))).rejects.toMatchObject(code('clip_stream_changed'));
  });

  it('a clip, and leaves no running encoder behind', async () => {
    const { live } = liveGrantFor({ window: span(200_000, 9_000_000) });
    const ring = [...segments, ...otherSize];
    await expect(trim(live, depsFor(ffmpeg, ring))).rejects.toMatchObject(code('clip_stream_changed'));
    expect(await childProcesses()).toBe(0);
  });

  it('a ring that lost a segment while the clip was cut', async () => {
    const { live } = liveGrantFor({ window: span(0, 4_000_000) });
    let left = [...segments];
    const deps = depsFor(ffmpeg, segments, { segments: (window) => ringOf(left)(window) });
    const clip = await trim(live, deps);
    left = left.filter((segment) => segment.index !== 2);
    await expect(allBytes(clip)).rejects.toMatchObject(code('clip_footage_gone'));
    left = [];
    await expect(allBytes(clip)).rejects.toMatchObject(code('clip_footage_gone'));
  });

  it('torn footage', async () => {
    const { live } = liveGrantFor({ window: span(0, 4_000_000) });
    const torn = segments.map((segment) => ({ ...segment, fragment: segment.fragment.subarray(0, 3_000) }));
    await expect(trim(live, depsFor(ffmpeg, torn))).rejects.toMatchObject(code('fragment_malformed'));
  });

  it('a window that starts in a GOP whose keyframe is missing', async () => {
    const headless = segments.map((segment) => ({ ...segment, fragment: withoutKeyframes(segment.fragment) }));
    const { live } = liveGrantFor({ window: span(300_000, 900_000) });
    await expect(trim(live, depsFor(ffmpeg, headless))).rejects.toMatchObject(code('clip_not_exact'));
  });
});

/** The fragment with its IDR slices marked as slices of another picture. */
function withoutKeyframes(fragment: Uint8Array): Uint8Array {
  const bytes = Buffer.from(fragment);
  const sample = bytes.indexOf('mdat') + 4;
  // Skips the SEI that x264 writes before the first picture.
  let at = sample;
  while (((bytes[at + 4] ?? 0) & 31) !== 5) at += 4 + bytes.readUInt32BE(at);
  bytes[at + 4] = 0x61;
  return bytes;
}

describe('a gap', () => {
  it('is reported and stays a pause in the clip', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-gap-'));
    const ring = segments.filter((segment) => segment.index !== 2);
    const window = span(1_000_000, 4_000_000);
    const { live } = liveGrantFor({ window });
    const deps = depsFor(ffmpeg, ring);
    const { clip, bytes } = await cut(live, deps);
    await selfCheck(live, clip, readerOf(bytes), deps);
    expect(clip.gaps).toEqual([span(2_000_000, 3_000_000)]);
    expect(clip.coverage).toEqual(window);
    const path = await saved(folder, 'clip.mp4', bytes);
    const numbers = await readFrameNumbers(ffmpeg.path, path);
    expect(numbers).toEqual([...range(15, 30), ...range(45, 60)]);
    await rm(folder, { recursive: true });
  });

  it('at the start and at the end is reported, too', async () => {
    const { live } = liveGrantFor({ window: span(-5_000_000, 9_000_000) });
    const { clip } = await cut(live, depsFor(ffmpeg, segments));
    expect(clip.gaps).toEqual([span(-5_000_000, 0), span(4_000_000, 9_000_000)]);
    expect(clip.coverage).toEqual(span(0, 4_000_000));
  });

  it('is not reported if a window starts or ends between two frames', async () => {
    const { live } = liveGrantFor({ window: span(233_333, 1_366_667) });
    const { clip } = await cut(live, depsFor(ffmpeg, segments));
    expect(clip.gaps).toEqual([]);
    expect(clip.frames).toBe(17);
    // Within one unit of the track's time, and never beyond.
    const lateUs = live.facts.grant.window.endUs - clip.coverage.endUs;
    expect(lateUs).toBeGreaterThanOrEqual(0);
    expect(lateUs).toBeLessThan(100);
  });
});

describe('a window over two recordings', () => {
  it('is copied if both have the same parameter sets', async () => {
    const again = segments.map((segment) => moved(segment, 'recording-2', 4_300_000));
    await expectNumbers([...segments, ...again], span(500_000, 6_000_000), 'smart-cut', [
      ...range(8, 60),
      ...range(0, 26),
    ]);
  });

  it('is encoded anew if their parameter sets conflict', async () => {
    await expectNumbers([...segments, ...otherSets], span(2_500_000, 9_000_000), 're-encode', [
      ...range(38, 60),
      ...range(0, 30),
    ]);
  });

  it('is smart cut if nothing of the first is copied', async () => {
    await expectNumbers([...segments, ...otherSets], span(3_500_000, 9_000_000), 'smart-cut', [
      ...range(53, 60),
      ...range(0, 30),
    ]);
  });

  it('is smart cut if the second uses the id that the head was encoded with', async () => {
    await expectNumbers([...segments, ...nextId], span(1_500_000, 9_000_000), 'smart-cut', [
      ...range(23, 60),
      ...range(0, 30),
    ]);
  });

  it('keeps the pause between them to the microsecond', async () => {
    const ring = [...segments, ...otherSets];
    const { live } = liveGrantFor({ window: span(3_500_000, 9_000_000) });
    const { clip } = await cut(live, depsFor(ffmpeg, ring));
    const times = frameTimesUs(ring).filter((time) => time >= FOOTAGE_START_US + 3_500_000);
    expect(clip.coverage.startUs).toBe(times[0]);
    expect(clip.gaps).toEqual([span(4_000_000, 6_000_000), span(8_000_000, 9_000_000)]);
  });
});

async function expectNumbers(ring: Segment[], window: Window, method: string, expected: number[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-two-'));
  const live: LiveGrant = liveGrantFor({ window }).live;
  const deps = depsFor(ffmpeg, ring);
  const { clip, bytes } = await cut(live, deps);
  await selfCheck(live, clip, readerOf(bytes), deps);
  expect(clip.method).toBe(method);
  expect(await readFrameNumbers(ffmpeg.path, await saved(folder, 'clip.mp4', bytes))).toEqual(expected);
  await rm(folder, { recursive: true });
}

/** The same footage as another recording, later. */
function moved(segment: Segment, recording: string, byUs: number): Segment {
  const { startUs, endUs, wallOffsetUs } = segment;
  return { ...segment, recording, startUs: startUs + byUs, endUs: endUs + byUs, wallOffsetUs: wallOffsetUs + byUs };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, offset) => from + offset);
}
