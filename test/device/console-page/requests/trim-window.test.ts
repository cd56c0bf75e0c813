// Holds: a trimmed window lies inside the requested and recorded time, is first placed around an event, and keeps its ends in order.
import { describe, expect, it } from 'vitest';
import { WINDOW_US_MIN as DEVICE_WINDOW_US_MIN } from '../../../../device/consent/verify-owner.ts';
import {
  eventsInside,
  firstWindow,
  shifted,
  shownAround,
  shownMoment,
  trimLimits,
  WINDOW_US_MIN,
  windowAround,
  windowStillThere,
  withEnd,
} from '../../../../device/console-page/requests/trim-window.ts';
import type { DeviceEvent } from '../../../../device/contract/home-messages.ts';

const S = 1_000_000;
const limits = { startUs: 100 * S, endUs: 200 * S };
const ring = (atS: number): DeviceEvent => ({
  ...{ id: `event-${atS}`, device: 'device-1', atUs: atS * S, type: 'ring', button: 'front', source: 'local' },
});
const motion = (atS: number): DeviceEvent => ({
  ...{ id: `event-${atS}`, device: 'device-1', atUs: atS * S, type: 'motion-start', zones: [] },
});

describe('a trimmed window', () => {
  it('may span from the first to the last footage of the requested window', () => {
    const asked = { startUs: 100 * S, endUs: 200 * S };
    const coverage = [
      { startUs: 0, endUs: 90 * S },
      { startUs: 120 * S, endUs: 130 * S },
      { startUs: 150 * S, endUs: 300 * S },
    ];
    expect(trimLimits(asked, coverage)).toEqual({ startUs: 120 * S, endUs: 200 * S });
    expect(trimLimits(asked, [{ startUs: 0, endUs: 100 * S }])).toBeNull();
    expect(trimLimits(asked, [])).toBeNull();
  });

  it('is first placed around the first ring, else the first movement, else at the end', () => {
    expect(firstWindow(limits, [motion(110), ring(150), ring(160)])).toEqual({ startUs: 146 * S, endUs: 158 * S });
    expect(firstWindow(limits, [ring(99), motion(130)])).toEqual({ startUs: 126 * S, endUs: 138 * S });
    expect(firstWindow(limits, [ring(200)])).toEqual({ startUs: 185 * S, endUs: 200 * S });
    expect(firstWindow({ startUs: 0, endUs: 5 * S }, [])).toEqual({ startUs: 0, endUs: 5 * S });
  });

  it('lists the events inside it, oldest first', () => {
    expect(eventsInside([ring(150), motion(110), ring(20), ring(200)], limits).map(({ atUs }) => atUs / S)).toEqual([
      110, 150,
    ]);
  });

  it('stays inside the limits for an event at an edge', () => {
    expect(windowAround(101 * S, limits).startUs).toBe(100 * S);
    expect(windowAround(199 * S, limits).endUs).toBe(200 * S);
  });

  it('keeps its ends in order and inside, however far a handle is dragged', () => {
    const window = { startUs: 120 * S, endUs: 130 * S };
    expect(withEnd(window, 'start', 999 * S, limits)).toEqual({ startUs: 130 * S - WINDOW_US_MIN, endUs: 130 * S });
    expect(withEnd(window, 'start', -999 * S, limits)).toEqual({ startUs: 100 * S, endUs: 130 * S });
    expect(withEnd(window, 'end', 0, limits)).toEqual({ startUs: 120 * S, endUs: 120 * S + WINDOW_US_MIN });
    expect(withEnd(window, 'end', 999 * S, limits)).toEqual({ startUs: 120 * S, endUs: 200 * S });
    expect(withEnd(window, 'end', 125.4 * S + 0.4, limits)).toEqual({ startUs: 120 * S, endUs: 125_400_000 });
    // The device refuses shorter windows.
    expect(WINDOW_US_MIN).toBe(DEVICE_WINDOW_US_MIN);
  });

  it('keeps its length when it is moved as a whole', () => {
    const window = { startUs: 120 * S, endUs: 130 * S };
    expect(shifted(window, 5 * S, limits)).toEqual({ startUs: 125 * S, endUs: 135 * S });
    expect(shifted(window, 999 * S, limits)).toEqual({ startUs: 190 * S, endUs: 200 * S });
    expect(shifted(window, -999 * S, limits)).toEqual({ startUs: 100 * S, endUs: 110 * S });
  });

  it('is cut to the remaining footage after a reload, and dropped if none remains', () => {
    expect(windowStillThere({ startUs: 90 * S, endUs: 110 * S }, limits)).toEqual({ startUs: 100 * S, endUs: 110 * S });
    expect(windowStillThere({ startUs: 80 * S, endUs: 100 * S }, limits)).toBeNull();
  });

  it('is shown with room on both sides for the handles', () => {
    const shown = shownAround({ startUs: 140 * S, endUs: 150 * S }, limits);
    expect(shown).toEqual({ startUs: 133 * S, endUs: 157 * S });
    const edge = shownAround({ startUs: 100 * S, endUs: 110 * S }, limits);
    expect(edge).toEqual({ startUs: 100 * S, endUs: 124 * S });
    expect(shownAround({ startUs: 100 * S, endUs: 190 * S }, limits)).toEqual(limits);
  });

  it('is represented by its first frame and its last frame', () => {
    const window = { startUs: 120 * S, endUs: 130 * S };
    expect(shownMoment(window, 'start')).toBe(120 * S);
    expect(shownMoment(window, 'end')).toBe(130 * S - 1);
  });
});
