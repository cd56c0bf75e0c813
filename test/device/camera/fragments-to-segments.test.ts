import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { ArrivalTimeline, KnownTimeline } from '../../../device/camera/source-timeline.ts';
import { bareRecording, NOTHING } from './support/bare-recording.ts';

const SECOND = 1_000_000;
const START_US = Date.UTC(2026, 10, 25) * 1000;
/** One frame of a second. */
function gop(at: number) {
  const times = { dts: at * SECOND, pts: at * SECOND, duration: SECOND };
  return [{ ...times, key: true, offset: 0, size: 0, data: NOTHING }] as const;
}

it('a recording whose clock is set before its mapping is fixed dates by the new time, and marks earlier fragments', async () => {
  const clock = new ManualClock(START_US);
  const recording = bareRecording(clock, new ArrivalTimeline(null));
  const settled: boolean[] = [];
  for (let at = 0; at < 4; at += 1) {
    await clock.advance(1_000);
    if (at === 1) clock.setWallUs(clock.wallUs() + 3_600 * SECOND);
    settled.push(recording.arrived(gop(at)));
  }
  expect(settled).toEqual([false, false, true, true]);
  const segments = [0, 1, 2, 3].map((at) => recording.next(NOTHING, gop(at)).segment);
  expect(segments.map(({ clockTrusted }) => clockTrusted)).toEqual([false, false, true, true]);
  expect(segments.map(({ startUs }) => startUs - START_US)).toEqual([0, 1, 2, 3].map((at) => (3_600 + at) * SECOND));
});

it('a recording whose clock is set before the first fragment, although its mapping was known, continues by the new time', async () => {
  const clock = new ManualClock(START_US);
  const recording = bareRecording(clock, new KnownTimeline(START_US, true));
  clock.setWallUs(clock.wallUs() + 3_600 * SECOND);
  const segments = [];
  for (let at = 0; at < 3; at += 1) {
    await clock.advance(1_000);
    recording.arrived(gop(at));
    segments.push(recording.next(NOTHING, gop(at)).segment);
  }
  expect(segments.map(({ clockTrusted }) => clockTrusted)).toEqual([false, true, true]);
  expect(segments.slice(1).map(({ startUs }) => startUs - START_US)).toEqual([1, 2].map((at) => (3_600 + at) * SECOND));
});
