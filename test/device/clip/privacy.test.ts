// A clip has no data that playback does not need: no user data of the camera, no encoder's name, no creation time.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { npmFfmpeg as ffmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { cut, depsFor } from './support/cutting.ts';
import { makeFootage, x264 } from './support/footage.ts';
import { captureFile, frameTimesUs } from './support/segmenter.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-private-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const SERIAL = 'serial number 4711';
const SEI = `h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+${SERIAL}`;

/** Whether a text is in the bytes at any of the eight bit positions: AAC elements are not byte-aligned. */
function holds(bytes: Uint8Array, text: string): boolean {
  for (let shift = 0; shift < 8; shift += 1) {
    const shifted = Buffer.alloc(bytes.length);
    for (let at = 0; at < bytes.length; at += 1) {
      shifted[at] = (((bytes[at] ?? 0) << shift) | ((bytes[at + 1] ?? 0) >> (8 - shift))) & 255;
    }
    if (shifted.includes(text)) return true;
  }
  return false;
}

describe('a clip', () => {
  it.each([
    ['smart cut', 7, 'smart-cut'],
    ['copied', 15, 'copy'],
  ])('that is %s holds no user data, encoder name or other text of its source', async (_, from, method) => {
    const source = await makeFootage(ffmpeg.path, folder, { video: x264(15), frames: 120, sound: 'sine=r=48000' });
    const segments = await captureFile(ffmpeg.path, source, { extra: ['-bsf:v', SEI] });
    const times = frameTimesUs(segments);
    const ring = concatBytes(segments.flatMap((segment) => [segment.init, segment.fragment]));
    expect(holds(ring, SERIAL)).toBe(true);
    expect(holds(ring, 'Lavc')).toBe(true);
    expect(holds(ring, 'x264')).toBe(true);
    const { live } = liveGrantFor({ window: { startUs: times[from] ?? 0, endUs: times[110] ?? 0 }, audio: true });
    const { clip, bytes } = await cut(live, depsFor(ffmpeg, segments));
    expect(clip.method).toBe(method);
    expect(clip.audioPackets).toBeGreaterThan(250);
    for (const text of [SERIAL, 'Lavc', 'Lavf', 'x264', 'VideoHandler', 'SoundHandler']) {
      expect(holds(bytes, text), text).toBe(false);
    }
  });

  it('is the same file, byte for byte, whenever it is cut', async () => {
    const source = await makeFootage(ffmpeg.path, folder, { video: x264(15), frames: 50 });
    const segments = await captureFile(ffmpeg.path, source);
    const times = frameTimesUs(segments);
    const { live } = liveGrantFor({ window: { startUs: times[4] ?? 0, endUs: times[40] ?? 0 } });
    const first = await cut(live, depsFor(ffmpeg, segments));
    const second = await cut(live, depsFor(ffmpeg, segments));
    expect(Buffer.compare(first.bytes, second.bytes)).toBe(0);
  });
});
