import { assert } from '@doorsill/contract/assert';
import type { Truth, TruthSpan } from './truth-file.ts';

/** The played part of the footage, in microseconds since its first picture. */
export interface PlayedPart {
  fromUs: number;
  toUs: number;
  /** How many times in a row. */
  times: number;
}

/**
 * The truth of a played part, from its first picture. Spans are cut at the part's ends; a remainder no longer than the tolerance becomes
 * optional, because it is too short to be required.
 */
export function playedTruth(truth: Truth, { fromUs, toUs, times }: PlayedPart): Truth {
  assert(
    fromUs >= 0 && fromUs < toUs && Number.isInteger(times) && times >= 1,
    'a part of footage is played at least once',
  );
  const lengthUs = toUs - fromUs;
  const once = truth.spans.flatMap((span): TruthSpan[] => {
    const startUs = Math.max(span.startUs, fromUs);
    const endUs = Math.min(span.endUs, toUs);
    if (startUs > endUs || startUs >= toUs || (startUs === endUs && span.startUs < span.endUs)) return [];
    const isCut = startUs !== span.startUs || endUs !== span.endUs;
    const optional = span.optional || (isCut && endUs - startUs <= truth.toleranceUs);
    return [{ ...span, startUs: startUs - fromUs, endUs: endUs - fromUs, optional }];
  });
  const spans = Array.from({ length: times }, (_, turn) =>
    once.map((span) => ({ ...span, startUs: span.startUs + turn * lengthUs, endUs: span.endUs + turn * lengthUs })),
  ).flat();
  return { ...truth, durationUs: lengthUs * times, spans };
}
