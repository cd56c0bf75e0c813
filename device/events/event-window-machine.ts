// Turns presses and motion into event windows: pre-roll, post-roll, merging, longest length. Pure.
import { assert } from '@doorsill/contract/assert';
import type { Window } from '@doorsill/contract/shared-claims';

/** Lengths in microseconds. */
export interface EventWindowSettings {
  preRollUs: number;
  postRollUs: number;
  /** A longer event becomes several windows, end to end. */
  lengthUsMax: number;
}

export const EVENT_WINDOW_DEFAULTS: EventWindowSettings = {
  preRollUs: 4_000_000,
  postRollUs: 6_000_000,
  lengthUsMax: 120_000_000,
};

/** A finished window. Its cause is `ring` if it holds a press. */
export interface EventWindow {
  cause: 'ring' | 'motion';
  window: Window;
}

/** `atUs`: wall time in microseconds. */
export type EventWindowInput = { type: 'press' | 'motion-start' | 'motion-end' | 'time'; atUs: number };

/** A window that may still grow. It ends at `endUs`, unless something still moves. */
interface OpenWindow {
  cause: EventWindow['cause'];
  startUs: number;
  endUs: number;
  moving: boolean;
}

export interface EventWindowState {
  readonly open: OpenWindow | null;
  /** The latest time of an input. */
  readonly lastUs: number;
}

export const NO_EVENT_WINDOW: EventWindowState = { open: null, lastUs: 0 };

/** How late inputs may come. An earlier time means that the wall clock was set back: then an open window is closed. */
const LATE_US_MAX = 10_000_000;

/** Asserts that a window can hold its pre-roll and post-roll. */
export function checkEventWindows({ preRollUs, postRollUs, lengthUsMax }: EventWindowSettings): void {
  assert(preRollUs >= 0 && postRollUs > 0, 'rolls are lengths of time');
  assert(preRollUs + postRollUs <= lengthUsMax, 'a window holds its rolls');
}

/** The next state, and the windows that the input finishes. */
export function nextEventWindow(
  settings: EventWindowSettings,
  state: EventWindowState,
  input: EventWindowInput,
): { state: EventWindowState; finished: EventWindow[] } {
  const finished: EventWindow[] = [];
  let { open } = state;
  if (open && input.atUs < state.lastUs - LATE_US_MAX) {
    const endUs = open.moving ? Math.min(state.lastUs, open.startUs + settings.lengthUsMax) : open.endUs;
    finished.push(windowOf(open, Math.max(endUs, open.startUs + 1)));
    open = null;
  }
  open = closeDue(settings, open, input.atUs, finished);
  const lastUs = open ? Math.max(state.lastUs, input.atUs) : input.atUs;
  return { state: { open: apply(settings, open, input), lastUs }, finished };
}

/** When a `time` input will finish the open window; null without one. */
export function eventWindowDueUs(settings: EventWindowSettings, { open }: EventWindowState): number | null {
  return open && dueUs(settings, open);
}

function dueUs({ lengthUsMax }: EventWindowSettings, open: OpenWindow): number {
  const limitUs = open.startUs + lengthUsMax;
  return open.moving ? limitUs : Math.min(open.endUs, limitUs);
}

function windowOf({ cause, startUs }: OpenWindow, endUs: number): EventWindow {
  return { cause, window: { startUs, endUs } };
}

/** Finishes windows that are complete by `nowUs`; returns the window still open. */
function closeDue(
  settings: EventWindowSettings,
  from: OpenWindow | null,
  nowUs: number,
  finished: EventWindow[],
): OpenWindow | null {
  let open = from;
  while (open && nowUs >= dueUs(settings, open)) {
    const endUs = dueUs(settings, open);
    finished.push(windowOf(open, endUs));
    const goesOn: boolean = open.moving || open.endUs > endUs;
    // After a jump of the clock the time in between was not observed: continue from now.
    const startUs = nowUs >= endUs + settings.lengthUsMax ? nowUs : endUs;
    open = goesOn ? { ...open, startUs, endUs: Math.max(open.endUs, startUs + 1) } : null;
  }
  return open;
}

function apply(settings: EventWindowSettings, open: OpenWindow | null, input: EventWindowInput): OpenWindow | null {
  const { preRollUs, postRollUs } = settings;
  const startUs = input.atUs - preRollUs;
  const endUs = input.atUs + postRollUs;
  switch (input.type) {
    case 'time':
      return open;
    case 'press':
      return open
        ? { ...open, cause: 'ring', endUs: Math.max(open.endUs, endUs) }
        : { cause: 'ring', startUs, endUs, moving: false };
    case 'motion-start':
      return open
        ? { ...open, endUs: Math.max(open.endUs, endUs), moving: true }
        : { cause: 'motion', startUs, endUs, moving: true };
    case 'motion-end':
      return open?.moving ? { ...open, endUs: Math.max(open.endUs, endUs), moving: false } : open;
  }
}
