// The rate of a wired camera: lowered before frames are lost, no further than needed, and raised only after a long time without trouble.
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { askedRate, FramePace } from '../../../device/camera/frame-pace.ts';
import { NOON_US } from '../hardware/button-contract.ts';

const SOURCE = { shown: 'v4l2:/dev/video0', rate: 15 };

let clock: ManualClock;
let isSlowed: boolean;
let pace: FramePace;
beforeEach(() => {
  clock = new ManualClock(NOON_US);
  isSlowed = false;
  pace = new FramePace(clock, () => isSlowed);
});

/** GOPs of a second, each arriving this long after its last picture was taken. */
async function gops(count: number, lateS = 0.2): Promise<void> {
  for (let each = 0; each < count; each += 1) {
    await clock.advance(1_000);
    pace.gop(clock.wallUs() - lateS * 1_000_000);
  }
}

describe('a camera', () => {
  it('is asked for the full rate while all is well', async () => {
    const asked = askedRate(SOURCE, pace);
    await gops(2_000);
    expect([asked.rate, asked.trouble, asked.isOutdated()]).toEqual([15, null, false]);
    expect(askedRate(SOURCE, undefined)).toMatchObject({ rate: 15, trouble: null });
  });

  it('is asked for half the rate as soon as the board is throttled, which is reported', async () => {
    const before = askedRate(SOURCE, pace);
    await gops(1);
    isSlowed = true;
    await gops(1);
    expect(before.isOutdated()).toBe(true);
    const after = askedRate(SOURCE, pace);
    expect([after.rate, after.trouble?.code, after.isOutdated()]).toEqual([8, 'camera_rate_lowered', false]);
    expect(after.trouble?.message).toContain('8 pictures a second instead of 15');
    await gops(1_000);
    expect(after.isOutdated()).toBe(false);
  });

  it('is asked for half the rate from the start on a throttled board', () => {
    isSlowed = true;
    expect(askedRate(SOURCE, pace).rate).toBe(8);
  });

  it('is asked for the full rate after ten minutes without trouble, no sooner', async () => {
    isSlowed = true;
    const asked = askedRate(SOURCE, pace);
    await gops(1);
    isSlowed = false;
    await gops(500);
    isSlowed = true;
    await gops(1);
    isSlowed = false;
    await gops(599);
    expect(asked.isOutdated()).toBe(false);
    await gops(1);
    expect(asked.isOutdated()).toBe(true);
    expect(askedRate(SOURCE, pace)).toMatchObject({ rate: 15, trouble: null });
  });

  it('is asked for half, then a quarter, when pictures pile up, each only after the last change took effect', async () => {
    const rates = [];
    for (const _run of [1, 2, 3]) {
      const asked = askedRate({ ...SOURCE, rate: 30 }, pace);
      await gops(19, 5);
      expect(asked.isOutdated()).toBe(false);
      await gops(3, 5);
      rates.push(asked.rate);
    }
    expect(rates).toEqual([30, 15, 8]);
  });

  it('is not slowed by a hiccup, and never below the rate that motion needs', async () => {
    const asked = askedRate(SOURCE, pace);
    await gops(60);
    for (let hiccup = 0; hiccup < 10; hiccup += 1) {
      await gops(2, 5);
      await gops(1);
    }
    expect(asked.isOutdated()).toBe(false);
    isSlowed = true;
    expect([6, 5, 3].map((rate) => askedRate({ ...SOURCE, rate }, pace).rate)).toEqual([5, 5, 3]);
  });
});
