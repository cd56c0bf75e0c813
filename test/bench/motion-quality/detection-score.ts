// What a detector's events are worth beside the truth, clip by clip and over many, with intervals. Pure.
import { SeededRandom } from '../../../device/base/random.ts';
import { matchEvents, type ReplayedEvent } from '../../../sim/truth/match-events.ts';
import type { Truth } from '../../../sim/truth/truth-file.ts';
import { median } from '../measure.ts';

/** The quantile of the normal distribution for intervals of 95 %. */
const Z = 1.96;
const RESAMPLES = 2_000;

/** What one detector made of one clip, or of several. */
export interface DetectionScore {
  spans: number;
  /** Spans that an event touches, and spans in which an event of their own begins: those of which an owner is told. */
  found: number;
  announced: number;
  events: number;
  /** Events that touch no span. */
  wrong: number;
  /** From the start of each announced span to the moment its first event is told, in seconds. */
  delaysS: number[];
  /** How much of the events' time lies within spans, in seconds, and all of it. */
  rightS: number;
  eventsS: number;
}

export function scoreOf(truth: Truth, events: readonly ReplayedEvent[]): DetectionScore {
  const { score } = matchEvents(truth, events);
  const delaysS = truth.spans.flatMap(({ startUs, endUs }) => {
    const own = events.find((event) => event.startUs >= startUs - truth.toleranceUs && event.startUs <= endUs);
    return own === undefined ? [] : [Math.max(0, own.startUs - startUs) / 1e6];
  });
  const eventsS = events.reduce((sum, event) => sum + ((event.endUs ?? truth.durationUs) - event.startUs) / 1e6, 0);
  return {
    ...{ spans: truth.spans.length, found: score.matched, announced: delaysS.length, delaysS },
    ...{ events: events.length, wrong: score.false, rightS: score.timePrecision * eventsS, eventsS },
  };
}

export function sumOf(scores: readonly DetectionScore[]): DetectionScore {
  const sum = (figure: (score: DetectionScore) => number) => scores.reduce((total, one) => total + figure(one), 0);
  return {
    ...{ spans: sum((one) => one.spans), found: sum((one) => one.found), announced: sum((one) => one.announced) },
    ...{ events: sum((one) => one.events), wrong: sum((one) => one.wrong) },
    delaysS: scores.flatMap((one) => one.delaysS),
    ...{ rightS: sum((one) => one.rightS), eventsS: sum((one) => one.eventsS) },
  };
}

/** A share with its interval of 95 %, after Wilson: it stays within 0 and 1 also for few. */
export function shareText(part: number, whole: number): string {
  if (whole === 0) return 'none';
  const share = part / whole;
  const middle = (share + Z ** 2 / (2 * whole)) / (1 + Z ** 2 / whole);
  const reach = (Z / (1 + Z ** 2 / whole)) * Math.sqrt((share * (1 - share)) / whole + Z ** 2 / (4 * whole ** 2));
  return `${part}/${whole} = ${share.toFixed(2)} [${Math.max(0, middle - reach).toFixed(2)} ${Math.min(1, middle + reach).toFixed(2)}]`;
}

/** A median with its interval of 95 %, by bootstrap with a fixed seed. */
export function medianText(values: readonly number[]): string {
  if (values.length === 0) return 'none';
  const random = new SeededRandom(1);
  const draw = () => values[Math.floor(random.fraction() * values.length)] ?? 0;
  const medians = Array.from({ length: RESAMPLES }, () => median(values.map(draw))).sort((a, b) => a - b);
  const at = (share: number) => medians[Math.floor(share * RESAMPLES)] ?? 0;
  return `${median(values).toFixed(1)} s [${at(0.025).toFixed(1)} ${at(0.975).toFixed(1)}]`;
}
