// @module-tag long
// Data that a camera writes after its slices and beside its sound is not in a clip: here a position in each frame and packet, in every
// place that a decoder skips.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Segment } from '../../../device/camera/segment.ts';
import type { ClipRecode } from '../../../device/clip/clip-deps.ts';
import { selfCheck } from '../../../device/clip/self-check.ts';
import { concatBytes, utf8 } from '../../../device/contract/bytes.ts';
import { describeWithEachFfmpeg, npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { cut, depsFor, readerOf, saved } from './support/cutting.ts';
import { readFrameNumbers, x264 } from './support/footage.ts';
import { beforeSound, behindSlices, behindSound, type Change, countHeld, withSamples } from './support/planting.ts';
import { capturedFootage, frameTimesUs } from './support/segmenter.ts';

const folder = await mkdtemp(join(tmpdir(), 'doorsill-hidden-'));
afterAll(() => rm(folder, { recursive: true }));

const gps = (kind: string, number: number) => `GPS ${kind} 51.${String(number).padStart(5, '0')},-0.12750`;
const same: Change = (data) => data;
const FIRST = 7;
const AFTER_LAST = 61;

const behind = (...lead: number[]): Change => {
  const before = Uint8Array.from(lead);
  return (frame, number) => behindSlices(frame, concatBytes([before, utf8(gps('video', number))]));
};
const SOUND: Record<string, Change> = {
  'in fill and data stream elements behind the sound': (packet, number) =>
    behindSound(packet, gps('fill', number), gps('data', number)),
  'in fill and data stream elements before the sound': (packet, number) =>
    beforeSound(packet, gps('fill', number), gps('data', number)),
};
const PICTURE: Record<string, Change> = {
  'as text behind the trailing bits': behind(),
  'behind cabac_zero_words': behind(0, 0, 3, 0, 0, 3),
  'behind a start code': behind(0, 0, 1),
  'behind zeros': behind(0, 0, 0),
};

const count = Array.from({ length: 400 }, (_, number) => number);
const positions = (...kinds: string[]) => kinds.flatMap((kind) => count.map((number) => gps(kind, number)));

async function ringBytes(segments: readonly Segment[]): Promise<Uint8Array> {
  return concatBytes(segments.map((segment) => segment.fragment));
}

describeWithEachFfmpeg('with ffmpeg $version, a clip that discloses nothing', (ffmpeg) => {
  const footage = (...more: string[]) =>
    capturedFootage(ffmpeg.path, { video: x264(15, ...more), frames: 75, sound: 'sine=r=48000' });
  const clipOf = async (segments: readonly Segment[], recode: ClipRecode = 'when-needed', audio = false) => {
    const times = frameTimesUs(segments);
    const { live } = liveGrantFor({
      window: { startUs: times[FIRST] ?? 0, endUs: times[AFTER_LAST] ?? 0 },
      audio,
    });
    const deps = depsFor(ffmpeg, segments, { recode });
    const { clip, bytes } = await cut(live, deps);
    await selfCheck(live, clip, readerOf(bytes), deps);
    return { clip, bytes };
  };

  it.each(Object.entries(SOUND))('holds none of the positions that a camera wrote %s', async (_, plant) => {
    const planted = withSamples(await footage(), same, plant);
    const all = positions('fill', 'data');
    expect(countHeld(await ringBytes(planted), all)).toBeGreaterThan(300);
    const { clip, bytes } = await clipOf(planted, 'when-needed', true);
    expect(clip.audioPackets).toBeGreaterThan(150);
    expect(countHeld(bytes, all)).toBe(0);
  });

  it('copies data that cannot be told from coded picture, unless the settings copy nothing', async () => {
    const hidden = (number: number) => `N51W0:${String(number).padStart(3, '0')}`;
    const all = count.map(hidden);
    const planted = withSamples(await footage(), (frame, number) => behindSlices(frame, utf8(hidden(number))), same);
    const copied = await clipOf(planted);
    expect(copied.clip.method).toBe('smart-cut');
    expect(countHeld(copied.bytes, all)).toBeGreaterThan(40);
    const encoded = await clipOf(planted, 'always');
    expect(encoded.clip).toMatchObject({ method: 're-encode', frames: AFTER_LAST - FIRST });
    expect(countHeld(encoded.bytes, all)).toBe(0);
    const path = await saved(folder, 'clip.mp4', encoded.bytes);
    expect(await readFrameNumbers(npmFfmpeg.path, path)).toEqual(count.slice(FIRST, AFTER_LAST));
  });

  describe.each([
    ['CABAC', ['-preset', 'veryfast']],
    ['CAVLC', []],
  ])('of %s slices', (_, style) => {
    it.each(Object.entries(PICTURE))('holds none of the positions that a camera wrote %s', async (_, plant) => {
      const planted = withSamples(await footage(...style), plant, same);
      const all = positions('video');
      expect(countHeld(await ringBytes(planted), all)).toBe(75);
      const { clip, bytes } = await clipOf(planted);
      expect(countHeld(bytes, all)).toBe(0);
      const path = await saved(folder, 'clip.mp4', bytes);
      expect(clip.frames).toBe(AFTER_LAST - FIRST);
      expect(await readFrameNumbers(npmFfmpeg.path, path)).toEqual(count.slice(FIRST, AFTER_LAST));
    });
  });
});
