// Event windows on a clock (event-detector.ts): they are reported when due, and leave no timer.
import { expect, it } from 'vitest';
import { EventWindows } from '../../../device/events/event-detector.ts';
import type { EventWindow } from '../../../device/events/event-window-machine.ts';
import { NOON_US } from '../hardware/button-contract.ts';
import { CountingClock } from '../ring/counting-clock.ts';

const windowOf = (fromS: number, toS: number) => ({ startUs: NOON_US + fromS * 1e6, endUs: NOON_US + toS * 1e6 });

function running(): { clock: CountingClock; windows: EventWindows; finished: EventWindow[] } {
  const clock = new CountingClock(NOON_US);
  const finished: EventWindow[] = [];
  const windows = new EventWindows(clock, (event) => finished.push(event));
  windows.start();
  return { clock, windows, finished };
}

it('reports a window once its post-roll has passed on the clock', async () => {
  const { clock, windows, finished } = running();
  windows.happened('press', clock.wallUs());
  await clock.advance(5_999);
  expect(finished).toEqual([]);
  await clock.advance(2);
  expect(finished).toEqual([{ cause: 'ring', window: windowOf(-4, 6) }]);
  expect(clock.timers).toBe(0);
  windows.stop();
});

it('cuts motion that does not end without further inputs', async () => {
  const { clock, windows, finished } = running();
  windows.happened('motion-start', clock.wallUs());
  await clock.advance(250_000);
  expect(finished.map(({ window }) => window)).toEqual([windowOf(-4, 116), windowOf(116, 236)]);
  windows.stop();
});

it('leaves no timer and reports nothing once it is stopped', async () => {
  const { clock, windows, finished } = running();
  windows.happened('press', clock.wallUs());
  expect(clock.timers).toBe(1);
  windows.stop();
  expect(clock.timers).toBe(0);
  windows.happened('press', clock.wallUs());
  await clock.advance(60_000);
  expect(finished).toEqual([]);
});
