import { describe, expect, it } from 'vitest';
import { ArrivalTimeline, KnownTimeline } from '../../../device/camera/source-timeline.ts';

const SECOND = 1_000_000;

describe('a mapping from arrivals', () => {
  it('is the least delayed of the first arrivals: a first burst does not decide', () => {
    const timeline = new ArrivalTimeline(null);
    // Two seconds of footage arrive at once at wall time 102 s; they were filmed from 100 s on.
    for (const until of [1, 2]) timeline.arrived(until * SECOND, 102 * SECOND);
    expect(timeline.settled).toBe(false);
    timeline.arrived(3 * SECOND, 103.2 * SECOND);
    expect(timeline.settled).toBe(true);
    expect(timeline.fix()).toBe(100 * SECOND);
    expect(timeline.offsetUs).toBe(100 * SECOND);
  });

  it('stays as it was fixed while arrivals are early or late by a little', () => {
    const timeline = new ArrivalTimeline(100 * SECOND);
    for (let until = 1; until < 60; until += 1) {
      timeline.arrived(until * SECOND, (100 + until + (until % 3) * 0.4) * SECOND);
      expect(timeline.renewed()).toBeNull();
    }
  });

  it('survives a network that stalls and then catches up', () => {
    const timeline = new ArrivalTimeline(100 * SECOND);
    for (let until = 1; until <= 8; until += 1) timeline.arrived(until * SECOND, 109 * SECOND);
    expect(timeline.renewed()).toBeNull();
    timeline.arrived(10 * SECOND, 110 * SECOND);
    expect(timeline.renewed()).toBeNull();
  });

  it('is replaced when footage is dated into the future: the clock was set back', () => {
    const timeline = new ArrivalTimeline(100 * SECOND);
    timeline.arrived(10 * SECOND, 50 * SECOND);
    expect(timeline.renewed()).toBe(40 * SECOND);
  });

  it('is replaced when everything has been late for long: the clock was set forward', () => {
    const timeline = new ArrivalTimeline(100 * SECOND);
    for (let until = 1; until <= 10; until += 1) {
      timeline.arrived(until * SECOND, (1000 + until) * SECOND);
      expect(timeline.renewed()).toBeNull();
    }
    timeline.arrived(11 * SECOND, 1011 * SECOND);
    expect(timeline.renewed()).toBe(1000 * SECOND);
  });
});

it('a known mapping never changes', () => {
  const timeline = new KnownTimeline(7);
  timeline.arrived();
  expect([timeline.offsetUs, timeline.fix(), timeline.renewed(), timeline.settled]).toEqual([7, 7, null, true]);
});
