// Reads the ring's footage for a clip, only while its grant lives.

import { type Failure, failure } from '@doorsill/contract/errors';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Segment } from '../camera/segment.ts';
import { assertCutPermit, type CutPermit } from '../consent/live-preview.ts';
import type { ClipDeps } from './clip-deps.ts';

/** Throws `grant_dead`, or the reason of either signal, unless work on the footage may continue. */
export function assertMayContinue(live: CutPermit, deps: ClipDeps): void {
  assertCutPermit(live);
  deps.signal?.throwIfAborted();
}

/** A signal aborted by the end of the grant or by the caller. */
export function stopSignal(live: CutPermit, deps: ClipDeps): AbortSignal {
  return deps.signal ? AbortSignal.any([live.signal, deps.signal]) : live.signal;
}

/** The ring's segments in a window; the grant is checked before each. */
export async function* readRing(live: CutPermit, deps: ClipDeps, window: Window): AsyncGenerator<Segment> {
  assertMayContinue(live, deps);
  for await (const segment of deps.segments(window)) {
    assertMayContinue(live, deps);
    yield segment;
  }
}

/** A window with a margin before and after, for packets and frames stored in a neighbouring segment. */
export function widened(window: Window, beforeUs: number, afterUs: number): Window {
  return { startUs: Math.max(0, window.startUs - beforeUs), endUs: window.endUs + afterUs };
}

/** The failure when the ring no longer holds the planned footage. */
export function ringChanged(): Failure {
  return failure('clip_footage_gone');
}
