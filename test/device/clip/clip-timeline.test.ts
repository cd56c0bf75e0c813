// The duration of a clip's last frame depends only on its other frames.
import { describe, expect, it } from 'vitest';
import { nominalDuration } from '../../../device/clip/clip-timeline.ts';

describe('the last frame of a clip lasts', () => {
  it.each([
    ['as long as all others', [0, 6_000, 12_000, 18_000], 6_000],
    ['as long as most, whatever the last of them does', [0, 6_000, 12_000, 18_000, 18_100], 6_000],
    ['as long as most, not as a pause between two recordings', [0, 6_000, 12_000, 900_000], 6_000],
    ['as long as the shortest where no duration is more common', [0, 6_001, 12_000, 18_003], 5_999],
    ['as long as the first of two', [0, 7_000], 7_000],
    ['1/25 s where it is alone', [0], 3_600],
  ])('%s', (_, ticks, expected) => {
    expect(nominalDuration(ticks, 90_000)).toBe(expected);
  });

  it('at least a tick', () => {
    expect(nominalDuration([0], 1)).toBe(1);
  });
});
