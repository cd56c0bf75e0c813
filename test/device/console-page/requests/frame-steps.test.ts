// Holds: a handle steps from frame to frame by the frames' recorded times, at constant and changing rates, and across gaps.
import { beforeEach, describe, expect, it } from 'vitest';
import { FrameSteps } from '../../../../device/console-page/requests/frame-steps.ts';
import type { Window } from '../../../../device/contract/shared-claims.ts';

const S = 1_000_000;
/** Two spans: frames at 66.667 ms that become slower, then a gap of twenty minutes. */
const FIRST = [0, 66_667, 133_333, 200_000, 700_000, 1_700_000].map((us) => 100 * S + us);
const SECOND = [0, 40_000, 80_000].map((us) => 1_300 * S + us);
const coverage: Window[] = [
  { startUs: 100 * S, endUs: 102 * S },
  { startUs: 1_300 * S, endUs: 1_300 * S + 120_000 },
];
const limits = { startUs: 100 * S, endUs: 1_300 * S + 120_000 };

let asked: Window[];
let steps: FrameSteps;
beforeEach(() => {
  asked = [];
  steps = new FrameSteps({
    coverage: () => coverage,
    frames: async (window) => {
      asked.push(window);
      return [...FIRST, ...SECOND].filter((us) => us >= window.startUs && us < window.endUs);
    },
  });
});

describe('stepping by frames', () => {
  it('moves the start to the next and the former frame', async () => {
    const window = { startUs: FIRST[1] ?? 0, endUs: 102 * S };
    const later = await steps.stepped(window, 'start', 1, limits);
    expect(later).toEqual({ startUs: FIRST[2], endUs: 102 * S });
    expect(await steps.stepped(later, 'start', -1, limits)).toEqual(window);
  });

  it('removes the last frame from the window, or adds one, at the end', async () => {
    const window = { startUs: FIRST[0] ?? 0, endUs: FIRST[4] ?? 0 };
    const shorter = await steps.stepped(window, 'end', -1, limits);
    // Frames 0 to 2 are inside now: the window ends where frame 3 begins.
    expect(shorter.endUs).toBe(FIRST[3]);
    expect((await steps.stepped(shorter, 'end', 1, limits)).endUs).toBe(FIRST[4]);
  });

  it('steps across a gap, in both directions', async () => {
    const window = { startUs: FIRST[5] ?? 0, endUs: limits.endUs };
    const over = await steps.stepped(window, 'start', 1, limits);
    expect(over.startUs).toBe(SECOND[0]);
    expect((await steps.stepped(over, 'start', -1, limits)).startUs).toBe(FIRST[5]);
  });

  it('stops at the ends of the footage', async () => {
    const all = { startUs: FIRST[0] ?? 0, endUs: limits.endUs };
    expect(await steps.stepped(all, 'start', -1, limits)).toEqual(all);
    expect(await steps.stepped(all, 'end', 1, limits)).toEqual(all);
    const last = await steps.stepped(all, 'end', -1, limits);
    expect(last.endUs).toBe(SECOND[2]);
    expect(await steps.stepped(last, 'end', 1, limits)).toEqual(all);
  });

  it('never moves one end past the other', async () => {
    const one = { startUs: FIRST[1] ?? 0, endUs: FIRST[2] ?? 0 };
    const { startUs, endUs } = await steps.stepped(one, 'end', -1, limits);
    expect(endUs).toBeGreaterThan(startUs);
  });

  it('snaps the start to the frame shown then, and the end to the end of the last frame inside', async () => {
    const rough = { startUs: 100 * S + 150_000, endUs: 100 * S + 210_000 };
    expect(await steps.snapped(rough, 'start', limits)).toEqual({ ...rough, startUs: FIRST[2] });
    expect(await steps.snapped(rough, 'end', limits)).toEqual({ ...rough, endUs: FIRST[4] });
    const exact = { startUs: FIRST[2] ?? 0, endUs: FIRST[4] ?? 0 };
    expect(await steps.snapped(exact, 'start', limits)).toEqual(exact);
    expect(await steps.snapped(exact, 'end', limits)).toEqual(exact);
  });

  it('does not move the end across a gap when snapping', async () => {
    const rough = { startUs: FIRST[0] ?? 0, endUs: 100 * S + 1_800_000 };
    expect((await steps.snapped(rough, 'end', limits)).endUs).toBe(102 * S);
  });

  it('fetches a piece once, and again after a failure', async () => {
    const window = { startUs: FIRST[0] ?? 0, endUs: 102 * S };
    await steps.stepped(window, 'start', 1, limits);
    await steps.stepped(window, 'start', 1, limits);
    expect(asked).toHaveLength(1);
    expect(asked.every(({ startUs, endUs }) => endUs - startUs <= 30 * S)).toBe(true);
    let failing = true;
    const flaky = new FrameSteps({
      coverage: () => coverage,
      frames: async () => {
        if (failing) throw new Error('away');
        return FIRST;
      },
    });
    await expect(flaky.after(100 * S)).rejects.toThrow('away');
    failing = false;
    expect(await flaky.after(100 * S)).toBe(FIRST[1]);
  });
});
