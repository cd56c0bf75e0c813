// The format of ground truth: in seconds as people write it, in microseconds in code.

import { assert } from '@doorsill/contract/assert';
import { z } from 'zod';

export const TRUTH_FORMAT = 'doorsill-truth-1';
export const SPANS_MAX = 10_000;
/** Default tolerance: how far an event may be from a span and still match it. */
const TOLERANCE_S = 0.5;
const TOLERANCE_S_MAX = 60;
/** A month: longer footage must be cut first. */
const DURATION_S_MAX = 31 * 24 * 3600;
/** Maximum letters of a label or a camera's name. */
export const NAME_LENGTH_MAX = 64;

export const TruthEvent = z.enum(['motion', 'ring']);
export type TruthEvent = z.infer<typeof TruthEvent>;

const secondsSchema = z.number().min(0);

const truthSpanSchema = z.strictObject({
  event: TruthEvent.describe('What happens.'),
  atS: secondsSchema.optional().describe('When, for a ring that takes no time; instead of fromS and toS.'),
  fromS: secondsSchema.optional().describe('When it begins, in seconds from the first picture.'),
  toS: secondsSchema.optional().describe('When it has ended; later than fromS.'),
  label: z.string().min(1).max(NAME_LENGTH_MAX).optional().describe('What a person sees there; for reports alone.'),
  camera: z
    .string()
    .min(1)
    .max(NAME_LENGTH_MAX)
    .optional()
    .describe('Which camera sees it, where a replay has several; in every span of a file or in none.'),
  optional: z.boolean().optional().describe('true: an event here is no false alarm, and none is no miss.'),
});

export const TruthFile = z.strictObject({
  $schema: z.string().max(2_048).optional().describe('Where an editor finds the description of this format.'),
  format: z.literal(TRUTH_FORMAT),
  durationS: z.number().positive().describe('How long the footage is that was labelled.'),
  toleranceS: z
    .number()
    .min(0)
    .max(TOLERANCE_S_MAX)
    .optional()
    .describe(`How far an event may be from a span and still count as it. Default: ${TOLERANCE_S}.`),
  judge: z
    .array(TruthEvent)
    .min(1)
    .max(TruthEvent.options.length)
    .optional()
    .describe('Which events were labelled; others are not judged. Default: those that occur, and all when none does.'),
  spans: z.array(truthSpanSchema).max(SPANS_MAX).describe('What happens. Empty: nothing does, and any event is false.'),
});
/** Ground truth as it is written. */
export type TruthFile = z.infer<typeof TruthFile>;

/** A span from `startUs` to `endUs` (equal for a ring of no length), in microseconds since the first picture. */
export interface TruthSpan {
  event: TruthEvent;
  startUs: number;
  endUs: number;
  label?: string;
  /** Undefined if it may be of each camera. */
  camera?: string;
  /** Neither an event here nor its absence counts as an error. */
  optional: boolean;
}

/** The truth of footage of `durationUs`; `spans` by start. */
export interface Truth {
  durationUs: number;
  toleranceUs: number;
  /** The labelled kinds of events; others are not judged. */
  judge: readonly TruthEvent[];
  spans: readonly TruthSpan[];
}

/** The longest footage that ground truth describes, in seconds. */
export const TRUTH_DURATION_S_MAX = DURATION_S_MAX;
export const TOLERANCE_US = TOLERANCE_S * 1_000_000;

export function microseconds(seconds: number): number {
  return Math.round(seconds * 1_000_000);
}

/** The default of `judge`: the events that occur, or all if there is no span. */
export function eventsOf(spans: readonly { event: TruthEvent }[]): TruthEvent[] {
  const occurring = TruthEvent.options.filter((event) => spans.some((span) => span.event === event));
  return occurring.length > 0 ? occurring : [...TruthEvent.options];
}

/** The part of the truth that one camera must see. */
export function truthOfCamera(truth: Truth, camera: string): Truth {
  return { ...truth, spans: truth.spans.filter((span) => span.camera === undefined || span.camera === camera) };
}

/** The written form of ground truth: the inverse of reading it. */
export function truthToFile({ durationUs, toleranceUs, judge, spans }: Truth): TruthFile {
  const byDefault = eventsOf(spans);
  const isDefault = judge.length === byDefault.length && byDefault.every((event) => judge.includes(event));
  return {
    format: TRUTH_FORMAT,
    durationS: durationUs / 1_000_000,
    toleranceS: toleranceUs / 1_000_000,
    ...(isDefault ? {} : { judge: [...judge] }),
    spans: spans.map(({ event, startUs, endUs, label, camera, optional }) => ({
      event,
      ...(startUs === endUs ? { atS: startUs / 1_000_000 } : { fromS: startUs / 1_000_000, toS: endUs / 1_000_000 }),
      ...(label === undefined ? {} : { label }),
      ...(camera === undefined ? {} : { camera }),
      ...(optional ? { optional } : {}),
    })),
  };
}

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
