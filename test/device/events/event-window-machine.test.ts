// Event windows: rolls, merging, bounds, and jumps of the wall clock.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkEventWindows,
  EVENT_WINDOW_DEFAULTS,
  type EventWindowInput,
  eventWindowDueUs,
  NO_EVENT_WINDOW,
  nextEventWindow,
} from '../../../device/events/event-window-machine.ts';

const T = 1_000_000_000;

/** Runs inputs given in seconds; returns finished windows in seconds, and the open one. */
function run(...inputs: [EventWindowInput['type'], number][]) {
  let state = NO_EVENT_WINDOW;
  const windows = inputs.flatMap(([type, atS]) => {
    const step = nextEventWindow(EVENT_WINDOW_DEFAULTS, state, { type, atUs: T + atS * 1e6 });
    state = step.state;
    return step.finished.map(({ cause, window }) => [cause, (window.startUs - T) / 1e6, (window.endUs - T) / 1e6]);
  });
  return { windows, state };
}

describe('event windows', () => {
  it('hold the pre-roll and post-roll of a press, and finish when the post-roll has passed', () => {
    expect(run(['press', 10], ['time', 15.999]).windows).toEqual([]);
    expect(run(['press', 10], ['time', 16]).windows).toEqual([['ring', 6, 16]]);
    expect(run(['press', 10], ['time', 16]).state.open).toBeNull();
  });

  it('hold motion from before its start to after its end', () => {
    expect(run(['motion-start', 10], ['time', 50], ['motion-end', 52], ['time', 58]).windows).toEqual([
      ['motion', 6, 58],
    ]);
  });

  it('merge if they overlap, as a ring if there was a press', () => {
    expect(
      run(['motion-start', 10], ['press', 12], ['motion-end', 14], ['press', 19], ['time', 24], ['time', 25]).windows,
    ).toEqual([['ring', 6, 25]]);
    expect(run(['press', 10], ['motion-start', 15], ['motion-end', 16], ['time', 30]).windows).toEqual([
      ['ring', 6, 22],
    ]);
  });

  it('stay apart if one has finished before the next begins', () => {
    expect(run(['press', 10], ['press', 17], ['time', 40]).windows).toEqual([
      ['ring', 6, 16],
      ['ring', 13, 23],
    ]);
  });

  it('are never longer than their limit: long motion makes several, end to end', () => {
    expect(run(['motion-start', 10], ['time', 126], ['time', 246], ['motion-end', 250], ['time', 256]).windows).toEqual(
      [
        ['motion', 6, 126],
        ['motion', 126, 246],
        ['motion', 246, 256],
      ],
    );
  });

  it('give a press its whole post-roll although the limit cuts its window', () => {
    expect(run(['motion-start', 4], ['motion-end', 113], ['press', 118], ['time', 130]).windows).toEqual([
      ['ring', 0, 120],
      ['ring', 120, 124],
    ]);
  });

  it('ignore an end of motion that never started', () => {
    expect(run(['motion-end', 5], ['time', 100])).toEqual({ windows: [], state: { open: null, lastUs: T + 100e6 } });
  });

  it('report when they will be finished', () => {
    const { state } = run(['press', 10]);
    expect(eventWindowDueUs(EVENT_WINDOW_DEFAULTS, state)).toBe(T + 16e6);
    expect(eventWindowDueUs(EVENT_WINDOW_DEFAULTS, NO_EVENT_WINDOW)).toBeNull();
  });

  it('are closed when the wall clock is set back', () => {
    expect(run(['press', 1000], ['time', 0], ['press', 1], ['time', 7]).windows).toEqual([
      ['ring', 996, 1006],
      ['ring', -3, 7],
    ]);
    expect(run(['motion-start', 1000], ['time', 1020], ['time', 0]).windows).toEqual([['motion', 996, 1020]]);
  });

  it('do not multiply when the wall clock is set forward', () => {
    const { windows } = run(['motion-start', 10], ['time', 1e6], ['motion-end', 1e6 + 1], ['time', 1e6 + 7]);
    expect(windows.length).toBe(2);
    expect(windows[0]).toEqual(['motion', 6, 126]);
  });

  it('are bounded, in order and within the longest length, for any inputs', () => {
    const input = fc.record({
      type: fc.constantFrom<EventWindowInput['type']>('press', 'motion-start', 'motion-end', 'time'),
      passedUs: fc.integer({ min: -5_000_000, max: 200_000_000 }),
    });
    fc.assert(
      fc.property(fc.array(input, { maxLength: 60 }), (inputs) => {
        let state = NO_EVENT_WINDOW;
        let atUs = T;
        let lastEndUs = Number.NEGATIVE_INFINITY;
        for (const { type, passedUs } of inputs) {
          atUs += passedUs;
          const step = nextEventWindow(EVENT_WINDOW_DEFAULTS, state, { type, atUs });
          state = step.state;
          for (const { window } of step.finished) {
            const lengthUs = window.endUs - window.startUs;
            expect(lengthUs).toBeGreaterThan(0);
            expect(lengthUs).toBeLessThanOrEqual(EVENT_WINDOW_DEFAULTS.lengthUsMax);
            expect(window.endUs).toBeGreaterThan(lastEndUs);
            lastEndUs = window.endUs;
          }
          // Times may go back a little at each step: late, but not as far as a clock that was set back.
          atUs = Math.max(atUs, state.lastUs - 5_000_000);
        }
      }),
    );
  });

  it('refuse rolls that do not fit into a window', () => {
    expect(() => checkEventWindows({ preRollUs: 60e6, postRollUs: 61e6, lengthUsMax: 120e6 })).toThrow(
      'holds its rolls',
    );
    checkEventWindows(EVENT_WINDOW_DEFAULTS);
  });
});
