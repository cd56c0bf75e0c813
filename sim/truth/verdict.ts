// Judges a score by thresholds, and prints both.
import { z } from 'zod';
import type { Score } from './match-events.ts';

const shareSchema = z.number().min(0).max(1);
const countSchema = z.int().min(0);

/** What a score must reach. Shares are 0 to 1. */
export const Thresholds = z.strictObject({
  minPrecision: shareSchema.optional().describe('Least share of events that are true.'),
  minRecall: shareSchema.optional().describe('Least share of spans that are found.'),
  maxDelayS: z.number().min(0).optional().describe('Longest time until an event finds a span, for each span found.'),
  maxFalse: countSchema
    .optional()
    .describe('Most events that are false; takes the place of the default of minPrecision.'),
  maxMissed: countSchema
    .optional()
    .describe('Most spans that are missed; takes the place of the default of minRecall.'),
  minTimePrecision: shareSchema.optional().describe('Least share of the events’ time that lies within spans.'),
  minTimeRecall: shareSchema.optional().describe('Least share of the spans’ time that lies within events.'),
});
export type Thresholds = z.infer<typeof Thresholds>;

/**
 * The defaults: everything is found within 2 s, nothing else is, and most of the events' time is right, so that motion that never ends does
 * not pass.
 */
export const DEFAULT_THRESHOLDS = { minPrecision: 1, minRecall: 1, maxDelayS: 2, minTimePrecision: 0.5 } as const;

/** A threshold that was missed; `wanted` and `got` in the threshold's own unit. */
export interface ThresholdFault {
  threshold: keyof Thresholds;
  wanted: number;
  got: number;
  /** The same as a sentence. */
  text: string;
}

export interface Verdict {
  passed: boolean;
  /** Empty if it passed. */
  faults: ThresholdFault[];
  /** The thresholds applied, with defaults. */
  thresholds: Thresholds;
}

/** The given thresholds, and the defaults of the others. A given count replaces the default of its share. */
export function thresholdsInForce(named: Thresholds): Thresholds {
  const { minPrecision, minRecall, ...defaults } = DEFAULT_THRESHOLDS;
  return {
    ...defaults,
    ...(named.maxFalse === undefined ? { minPrecision } : {}),
    ...(named.maxMissed === undefined ? { minRecall } : {}),
    ...named,
  };
}

export function judge(score: Score, named: Thresholds = {}): Verdict {
  const thresholds = thresholdsInForce(named);
  const delayS = score.delay === null ? 0 : score.delay.maxUs / 1_000_000;
  const { precision, recall, missed, timePrecision, timeRecall } = score;
  const atLeast = (threshold: keyof Thresholds, got: number, what: string, more = '') => {
    const wanted = thresholds[threshold];
    if (wanted === undefined || got >= wanted) return [];
    return [{ threshold, wanted, got, text: `${what} is ${roundedDown(got)}${more}, at least ${wanted} is wanted` }];
  };
  const atMost = (threshold: keyof Thresholds, got: number, what: string) => {
    const wanted = thresholds[threshold];
    if (wanted === undefined || got <= wanted) return [];
    return [{ threshold, wanted, got, text: `${what}: ${roundedUp(got)}, at most ${wanted} is wanted` }];
  };
  const faults: ThresholdFault[] = [
    ...atLeast('minPrecision', precision, 'precision', ` (false events: ${score.false})`),
    ...atMost('maxFalse', score.false, 'false events'),
    ...atLeast('minRecall', recall, 'recall', ` (missed spans: ${missed})`),
    ...atMost('maxMissed', missed, 'missed spans'),
    ...atMost('maxDelayS', delayS, 'longest delay in seconds'),
    ...atLeast('minTimePrecision', timePrecision, 'the share of the events’ time within spans'),
    ...atLeast('minTimeRecall', timeRecall, 'the share of the spans’ time within events'),
  ];
  return { passed: faults.length === 0, faults, thresholds };
}

/** To three decimals, rounded down, so that 0.9999 does not read as 1. */
function roundedDown(value: number): number {
  return Math.floor(value * 1_000 + 1e-9) / 1_000;
}

function roundedUp(value: number): number {
  return Math.ceil(value * 1_000 - 1e-9) / 1_000;
}

export function scoreText(score: Score): string[] {
  const { matched, missed, matchedEvents, delay, notJudged } = score;
  const seconds = (us: number) => `${(us / 1_000_000).toFixed(2)} s`;
  return [
    `  found      ${matched} of ${matched + missed} spans: recall ${roundedDown(score.recall)}`,
    `  true       ${matchedEvents} of ${matchedEvents + score.false} events: precision ${roundedDown(score.precision)}`,
    `  time       ${roundedDown(score.timeRecall)} of the spans’ is found, ${roundedDown(score.timePrecision)} of the events’ is right`,
    ...(delay
      ? [`  delay      median ${seconds(delay.medianUs)}, p90 ${seconds(delay.p90Us)}, longest ${seconds(delay.maxUs)}`]
      : []),
    ...(notJudged > 0 ? [`  not judged ${notJudged} events of a kind that is not labelled`] : []),
  ];
}
