// Arithmetic of the trimmed window. Wall time in microseconds.
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import { partsInside, type Window } from '@doorsill/contract/shared-claims';
import { SECOND_US } from '../kit/time-spans.ts';

export type TrimEnd = 'start' | 'end';

/** Shorter than a frame of any camera; same as the device's limit (consent/verify-owner.ts). */
export const WINDOW_US_MIN = 1_000;
/** The first window around an event. */
const BEFORE_EVENT_US = 4 * SECOND_US;
const AFTER_EVENT_US = 8 * SECOND_US;
/** The first window where nothing happened: the end of the footage. */
const PLAIN_US = 15 * SECOND_US;
/** The strip shows at least this span, and at least this multiple of the window. */
const SHOWN_US_MIN = 24 * SECOND_US;
const SHOWN_TIMES = 1.6;

/** The span from the first to the last footage inside the requested window; null without footage. */
export function trimLimits(asked: Window, coverage: readonly Window[]): Window | null {
  const parts = partsInside(coverage, asked);
  const [first] = parts;
  if (!first) return null;
  return { startUs: first.startUs, endUs: Math.max(...parts.map(({ endUs }) => endUs)) };
}

/** Rings and movement inside the limits, oldest first. */
export function eventsInside(events: readonly DeviceEvent[], limits: Window): DeviceEvent[] {
  return events
    .filter(
      ({ type, atUs }) => (type === 'ring' || type === 'motion-start') && atUs >= limits.startUs && atUs < limits.endUs,
    )
    .sort((a, b) => a.atUs - b.atUs);
}

/** The window chosen at first: around the first ring, else the first movement, else the end of the footage. */
export function firstWindow(limits: Window, events: readonly DeviceEvent[]): Window {
  const inside = eventsInside(events, limits);
  const event = inside.find(({ type }) => type === 'ring') ?? inside[0];
  if (event) return windowAround(event.atUs, limits);
  return { startUs: Math.max(limits.startUs, limits.endUs - PLAIN_US), endUs: limits.endUs };
}

export function windowAround(atUs: number, limits: Window): Window {
  return {
    startUs: Math.max(limits.startUs, atUs - BEFORE_EVENT_US),
    endUs: Math.min(limits.endUs, atUs + AFTER_EVENT_US),
  };
}

/** The window with one end moved: inside the limits, and never past the other end. */
export function withEnd(window: Window, end: TrimEnd, atUs: number, limits: Window): Window {
  const us = Math.round(atUs);
  return end === 'start'
    ? { ...window, startUs: Math.max(limits.startUs, Math.min(us, window.endUs - WINDOW_US_MIN)) }
    : { ...window, endUs: Math.min(limits.endUs, Math.max(us, window.startUs + WINDOW_US_MIN)) };
}

/** The whole window moved, inside the limits. */
export function shifted(window: Window, byUs: number, limits: Window): Window {
  const most = limits.endUs - window.endUs;
  const least = limits.startUs - window.startUs;
  const us = Math.round(Math.min(most, Math.max(least, byUs)));
  return { startUs: window.startUs + us, endUs: window.endUs + us };
}

/** A stored window cut to the footage that is still there; null if none is. */
export function windowStillThere(window: Window, limits: Window): Window | null {
  const startUs = Math.max(window.startUs, limits.startUs);
  const endUs = Math.min(window.endUs, limits.endUs);
  return endUs - startUs < WINDOW_US_MIN ? null : { startUs, endUs };
}

/** The span that the strip shows around a window, wide enough for both handles and inside the limits. */
export function shownAround(window: Window, limits: Window): Window {
  const length = Math.max(SHOWN_US_MIN, (window.endUs - window.startUs) * SHOWN_TIMES);
  const all = limits.endUs - limits.startUs;
  if (length >= all) return limits;
  const middle = (window.startUs + window.endUs) / 2;
  const startUs = Math.min(Math.max(limits.startUs, middle - length / 2), limits.endUs - length);
  return { startUs: Math.round(startUs), endUs: Math.round(startUs + length) };
}

/** The moment whose picture represents an end of the window: its first frame, or its last. */
export function shownMoment(window: Window, end: TrimEnd): number {
  return end === 'start' ? window.startUs : window.endUs - 1;
}
