// Several grants of one window need one encoding, which is in memory only, for a short time: the second clip is cut without an encoder,
// has the same bytes, and passes the same check. No encoding of forgotten footage is held.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import type { EncodedSample } from '../../../device/clip/encoded-sample-buffer.ts';
import { RecentEncodings } from '../../../device/clip/recent-encodings.ts';
import { selfCheck } from '../../../device/clip/self-check.ts';
import type { Zone } from '../../../device/contract/shared-claims.ts';
import { npmFfmpeg as ffmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { cut, depsFor, readerOf } from './support/cutting.ts';
import { x264 } from './support/footage.ts';
import { capturedFootage, FOOTAGE_START_US } from './support/segmenter.ts';

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const clock = new ManualClock(FOOTAGE_START_US);
let recent = new RecentEncodings(clock);
beforeEach(() => {
  recent = new RecentEncodings(clock);
});

describe('encodings', () => {
  let runs = 0;
  beforeEach(() => {
    runs = 0;
  });

  /** An encoding of this many bytes; `before` is called before it is done. */
  const get = (key: string, { bytes = 1, limit = 100 * MIB, before = () => {} } = {}) =>
    recent.sound.get(
      key,
      async (onSample: (sample: EncodedSample) => void | Promise<void>) => {
        runs += 1;
        before();
        await onSample({ bytes: new Uint8Array(bytes), key: true });
      },
      limit,
      never,
    );

  it('are made once for a key, and again after five minutes', async () => {
    const first = await get('a');
    await clock.advance(299_999);
    expect([await get('a'), runs]).toEqual([first, 1]);
    await clock.advance(1);
    await get('a');
    await get('b');
    expect(runs).toBe(3);
  });

  it('are dropped once footage is forgotten, also those in progress', async () => {
    await get('a');
    recent.forget();
    await get('a', { before: () => recent.forget() });
    await get('a');
    expect(runs).toBe(3);
  });

  it('are at most 8 MiB: the oldest is dropped, and a larger one is not held', async () => {
    await get('large', { bytes: 8 * MIB + 1 });
    await get('large', { bytes: 8 * MIB + 1 });
    expect(runs).toBe(2);
    await get('a', { bytes: 3 * MIB });
    await get('b', { bytes: 3 * MIB });
    await get('c', { bytes: 3 * MIB });
    await get('b');
    await get('c');
    expect(runs).toBe(5);
    await get('a');
    expect(runs).toBe(6);
  });

  it('are refused for a grant of fewer bytes', async () => {
    await get('a', { bytes: 100 });
    await expect(get('a', { limit: 99 })).rejects.toMatchObject({ code: 'clip_over_limit' });
  });
});

describe('a second grant of the same footage', () => {
  /** Starting this ffmpeg fails. */
  const none = { ...ffmpeg, path: '/no/such/ffmpeg' };
  const window = { startUs: FOOTAGE_START_US + 400_000, endUs: FOOTAGE_START_US + 2_300_000 };
  const zone: Zone = { left: 1_000, top: 1_000, width: 2_000, height: 2_000 };
  let segments: Segment[] = [];
  beforeAll(async () => {
    segments = await capturedFootage(ffmpeg.path, { video: x264(15), frames: 45, sound: 'sine=r=48000' });
  });

  it.for<[string, Parameters<typeof liveGrantFor>[0]]>([
    ['with its first frames encoded anew', { window }],
    ['with sound', { window, audio: true }],
    ['with a zone blacked out', { window, zones: [zone] }],
  ])('%s is cut without an encoder, also after the first was revoked', async ([, parts]) => {
    const first = liveGrantFor(parts);
    const made = await cut(first.live, depsFor(ffmpeg, segments, { recent }));
    expect(made.clip.encodedFrames).toBeGreaterThan(0);
    first.end('it was revoked');
    const { live } = liveGrantFor(parts);
    const again = await cut(live, depsFor(none, segments, { recent }));
    expect(Buffer.compare(again.bytes, made.bytes)).toBe(0);
    await selfCheck(live, again.clip, readerOf(again.bytes), depsFor(ffmpeg, segments));
  });

  it('is refused if it is dead, or its footage is gone, whatever is held', async () => {
    await cut(liveGrantFor({ window }).live, depsFor(ffmpeg, segments, { recent }));
    const dead = liveGrantFor({ window });
    dead.end('it was revoked');
    await expect(cut(dead.live, depsFor(none, segments, { recent }))).rejects.toMatchObject({ code: 'grant_dead' });
    await expect(cut(liveGrantFor({ window }).live, depsFor(none, [], { recent }))).rejects.toMatchObject({
      code: 'clip_no_frames',
    });
  });

  it('is encoded anew if it has another window, zone, or recording', async () => {
    const deps = { recent };
    await cut(liveGrantFor({ window, zones: [zone], audio: true }).live, depsFor(ffmpeg, segments, deps));
    await cut(liveGrantFor({ window }).live, depsFor(ffmpeg, segments, deps));
    const later = { ...window, startUs: window.startUs + 100_000 };
    const other = segments.map((segment) => ({ ...segment, recording: 'another' }));
    const differing: [Parameters<typeof liveGrantFor>[0], Segment[]][] = [
      [{ window: later, zones: [zone] }, segments],
      [{ window: { ...window, endUs: window.endUs - 100_000 }, zones: [zone] }, segments],
      [{ window, zones: [{ ...zone, left: 2_000 }] }, segments],
      [{ window, zones: [zone] }, other],
      [{ window, audio: true }, other],
      [{ window: later }, segments],
    ];
    for (const [parts, footage] of differing) {
      const cutting = cut(
        liveGrantFor({ ...parts, zones: [...(parts.zones ?? [])] }).live,
        depsFor(none, footage, deps),
      );
      await expect(cutting).rejects.toMatchObject({ code: 'ffmpeg_failed' });
    }
  });
});
