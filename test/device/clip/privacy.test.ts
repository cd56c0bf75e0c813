// A clip has no data that playback does not need: no user data of the camera, no encoder's name, no creation time.
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { npmFfmpeg as ffmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { cut, depsFor } from './support/cutting.ts';
import { x264 } from './support/footage.ts';
import { countHeld } from './support/planting.ts';
import { capturedFootage, frameTimesUs } from './support/segmenter.ts';

const SERIAL = 'serial number 4711';
const SEI = `h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+${SERIAL}`;

describe('a clip', () => {
  it.each([
    ['smart cut', 7, 'smart-cut'],
    ['copied', 15, 'copy'],
  ])('that is %s holds no user data, encoder name or other text of its source', async (_, from, method) => {
    const style = { video: x264(15), frames: 120, sound: 'sine=r=48000' };
    const segments = await capturedFootage(ffmpeg.path, style, { extra: ['-bsf:v', SEI] });
    const times = frameTimesUs(segments);
    const ring = concatBytes(segments.flatMap((segment) => [segment.init, segment.fragment]));
    expect(countHeld(ring, [SERIAL, 'Lavc', 'x264'])).toBe(3);
    const { live } = liveGrantFor({ window: { startUs: times[from] ?? 0, endUs: times[110] ?? 0 }, audio: true });
    const { clip, bytes } = await cut(live, depsFor(ffmpeg, segments));
    expect(clip.method).toBe(method);
    expect(clip.audioPackets).toBeGreaterThan(250);
    expect(countHeld(bytes, [SERIAL, 'Lavc', 'Lavf', 'x264', 'VideoHandler', 'SoundHandler'])).toBe(0);
  });

  it('is the same file, byte for byte, whenever it is cut', async () => {
    const segments = await capturedFootage(ffmpeg.path, { video: x264(15), frames: 60 });
    const times = frameTimesUs(segments);
    const { live } = liveGrantFor({ window: { startUs: times[4] ?? 0, endUs: times[40] ?? 0 } });
    const first = await cut(live, depsFor(ffmpeg, segments));
    const second = await cut(live, depsFor(ffmpeg, segments));
    expect(Buffer.compare(first.bytes, second.bytes)).toBe(0);
  });
});
