// Owns: what cutting and checking a clip need from outside, and reading the ring under a live grant.
// Not here: the work itself (trim.ts, self-check.ts).
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Ffmpeg } from '../camera/ffmpeg.ts';
import type { Segment } from '../camera/segment.ts';
import { assertLiveGrant, type LiveGrant } from '../consent/live-grant.ts';
import type { Window } from '../protocol/claims.ts';

/** When a window is encoded anew: only where it cannot be copied exactly, or each time. */
export const CLIP_RECODE = ['when-needed', 'always'] as const;
export type ClipRecode = (typeof CLIP_RECODE)[number];

/** What the device passes in. */
export interface ClipDeps {
  /** Segments that touch a window, by start time: `ring.read`. Called several times; must give the same footage each time. */
  segments: (window: Window) => AsyncIterable<Segment>;
  ffmpeg: Ffmpeg;
  clock: Clock;
  log: Log;
  /** `always`: no frame is copied, for owners who distrust what their camera may hide in its slices. */
  recode: ClipRecode;
  /** Ends the work from outside; the grant's own signal ends it in any case. */
  signal?: AbortSignal;
}

/** Throws unless footage may still be worked on: `grant_dead`, or the reason of either signal. */
export function assertGoingOn(live: LiveGrant, deps: ClipDeps): void {
  assertLiveGrant(live);
  deps.signal?.throwIfAborted();
}

/** Aborted as soon as the grant dies or the caller gives up. */
export function stopSignal(live: LiveGrant, deps: ClipDeps): AbortSignal {
  return deps.signal ? AbortSignal.any([live.signal, deps.signal]) : live.signal;
}

/** The ring's segments in a window; the grant is looked at before each. */
export async function* readRing(live: LiveGrant, deps: ClipDeps, window: Window): AsyncGenerator<Segment> {
  assertGoingOn(live, deps);
  for await (const segment of deps.segments(window)) {
    assertGoingOn(live, deps);
    yield segment;
  }
}

/** A window with a margin before and after, for packets and frames that lie in a neighbour's segment. */
export function widened(window: Window, beforeUs: number, afterUs: number): Window {
  return { startUs: Math.max(0, window.startUs - beforeUs), endUs: window.endUs + afterUs };
}
