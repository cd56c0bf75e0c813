// Owns: the times a statement tells: coverage and gaps of the full manifest, rounded outwards to steps. Pure: device and bridge must
// come to the same. Not here: who signs (clip/statement.ts), who compares (the bridge's intake/).
import type { Window } from './claims.ts';
import { STATEMENT_TIME_STEP_US } from './manifest.ts';

/** The smallest span of whole steps around `span`, cut off at the window's ends, which the statement names exactly. */
export function coarseSpan(span: Window, window: Window): Window {
  const step = STATEMENT_TIME_STEP_US;
  return {
    startUs: Math.max(window.startUs, Math.floor(span.startUs / step) * step),
    endUs: Math.min(window.endUs, Math.ceil(span.endUs / step) * step),
  };
}

/** The same of several spans in their order; those that touch afterwards are one. */
export function coarseSpans(spans: readonly Window[], window: Window): Window[] {
  const told: Window[] = [];
  for (const span of spans) {
    const next = coarseSpan(span, window);
    const last = told.at(-1);
    if (last && next.startUs <= last.endUs) last.endUs = Math.max(last.endUs, next.endUs);
    else told.push(next);
  }
  return told;
}
