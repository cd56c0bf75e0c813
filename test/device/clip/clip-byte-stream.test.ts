// Frames and sound are interleaved by times that the file states anyway. Their bytes: trim.test.ts.
import { expect, it } from 'vitest';
import { chunksOf } from '../../../device/clip/clip-byte-stream.ts';

const FRAMES = { ticks: [0, 1, 2, 3, 4, 5], timescale: 10 };
const video = (samples: number) => ({ track: 'video', samples });
const audio = (samples: number) => ({ track: 'audio', samples });

it('sound follows the frames of its time, and the rest follows the last frame', () => {
  const sound = { ticks: [0, 50, 100, 150, 200, 250, 300, 700, 800], timescale: 1_000 };
  expect(chunksOf([1, 2, 3], FRAMES, sound)).toEqual([video(1), audio(2), video(2), audio(4), video(3), audio(3)]);
});

it('a run of frames without sound has none after it', () => {
  const sound = { ticks: [300], timescale: 1_000 };
  expect(chunksOf([3, 3], FRAMES, sound)).toEqual([video(3), video(3), audio(1)]);
  expect(chunksOf([6], FRAMES, null)).toEqual([video(6)]);
});
