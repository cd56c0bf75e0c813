// Owns: what ground truth says of a part of its footage, played once or several times in a row. Pure.
// Not here: playing it (sim/replay).
import { assert } from '@doorsill/contract/assert';
import type { Truth, TruthSpan } from './truth-file.ts';

/** What is played of footage, in microseconds from its first picture. */
export interface PlayedPart {
  fromUs: number;
  toUs: number;
  /** How many times in a row. */
  times: number;
}

/**
 * The truth of a part of footage, from the first picture that is played. A span that the part cuts is cut; what is left of it is optional
 * where it is no longer than the tolerance, because nobody can be asked to see so little.
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
