// Finds the best motion settings for labelled footage: tries all in one pass, chooses on one half of it and reports on the other.

import type { MotionZone } from '@doorsill/contract/owner-settings';
import { MotionTrial } from '@doorsill/device/motion/motion-trial';
import { failure } from '../errors.ts';
import { matchEvents, type ReplayedEvent, type Score } from './match-events.ts';
import type { Truth } from './truth-file.ts';

export const CANDIDATES_MAX = 256;
/** A setting that finds spans later than this loses against an equally good one that doesn't. */
const DELAY_US_MAX = 2_000_000;

/** Settings to try. `zoneSet` is the zones' name in the table. */
export interface Candidate {
  sensitivity: number;
  zoneSet: string;
  zones: readonly MotionZone[];
}

/** A gray picture as the device's detector takes it, 160x90, five a second; `atUs` since the footage's first picture. */
export interface GrayPicture {
  pixels: Uint8Array;
  atUs: number;
}

export interface TunedCandidate extends Candidate {
  /** On the half that settings are chosen on, on the other one, and on all footage. */
  chosenOn: Score;
  heldOut: Score | null;
  whole: Score;
}

export interface TuneResult {
  best: TunedCandidate;
  /** In the given order of candidates. */
  candidates: TunedCandidate[];
  pictures: number;
  /** False with fewer than two labelled spans: there is no second half to confirm the choice on. */
  isConfirmed: boolean;
}

/** Every sensitivity with every set of zones. Throws `tune_impossible` for none or too many. */
export function tuneCandidates(
  sensitivities: readonly number[],
  zoneSets: readonly { name: string; zones: readonly MotionZone[] }[] = [{ name: 'everywhere', zones: [] }],
): Candidate[] {
  const candidates = zoneSets.flatMap(({ name, zones }) =>
    [...new Set(sensitivities)].map((sensitivity) => ({ sensitivity, zoneSet: name, zones })),
  );
  checkCount(candidates);
  return candidates;
}

function checkCount({ length }: readonly Candidate[]): void {
  if (length >= 1 && length <= CANDIDATES_MAX) return;
  throw failure('tune_impossible', { detail: `there are ${length} settings to try, 1 to ${CANDIDATES_MAX} can be` });
}

/**
 * Tries all candidates on the same pictures, without keeping any. The footage is cut in the middle of the gaps between labelled spans, and
 * its parts alternate: the first, third ... choose, the others report. The best has the highest `quality`, to a hundredth; among equals one
 * without late finds, then the less sensitive, then the first given. Throws `tune_impossible`, and what `pictures` throws.
 */
export async function tuneMotion(
  pictures: AsyncIterable<GrayPicture> | Iterable<GrayPicture>,
  truth: Truth,
  candidates: readonly Candidate[],
): Promise<TuneResult> {
  checkCount(candidates);
  if (!truth.judge.includes('motion'))
    throw failure('tune_impossible', { detail: 'the ground truth labels no motion' });
  const trial = new MotionTrial(candidates);
  const events = candidates.map((): ReplayedEvent[] => []);
  const take = (found: ReturnType<MotionTrial['end']>) => {
    for (const { by, startUs, endUs } of found) events[by]?.push({ event: 'motion', startUs, endUs });
  };
  let [count, lastUs] = [0, 0];
  for await (const { pixels, atUs } of pictures) {
    take(trial.frame(pixels, atUs));
    count += 1;
    lastUs = atUs;
  }
  if (count === 0) throw failure('tune_impossible', { detail: 'the footage has no picture' });
  take(trial.end(lastUs));
  const motion: Truth = {
    ...truth,
    judge: ['motion'],
    spans: truth.spans.filter(({ event }) => event === 'motion'),
  };
  const parts = partsOf(motion);
  const isConfirmed = parts.length > 1;
  const tuned = candidates.map((candidate, by): TunedCandidate => {
    const seen = events[by] ?? [];
    const whole = matchEvents(motion, seen).score;
    if (!isConfirmed) return { ...candidate, chosenOn: whole, heldOut: null, whole };
    const [even, odd] = [0, 1].map((turn) =>
      scoreOn(
        parts.filter((_, at) => at % 2 === turn),
        motion,
        seen,
      ),
    );
    return { ...candidate, chosenOn: even ?? whole, heldOut: odd ?? null, whole };
  });
  return { best: bestOf(tuned), candidates: tuned, pictures: count, isConfirmed };
}

/**
 * 0 to 1: the harmonic mean of precision, recall and the share of the events' time that is right. The last is needed because motion that
 * never ends has perfect precision and recall.
 */
export function quality({ precision, recall, timePrecision }: Score): number {
  const shares = [precision, recall, timePrecision];
  return shares.some((share) => share === 0) ? 0 : shares.length / shares.reduce((sum, share) => sum + 1 / share, 0);
}

type Rated = Pick<TunedCandidate, 'sensitivity' | 'chosenOn'>;

/** The best candidate on the half that settings are chosen on. */
export function bestOf<T extends Rated>(candidates: readonly T[]): T {
  return candidates.reduce((first, other) => (isBetter(other, first) ? other : first));
}

function hundredths({ chosenOn }: Rated): number {
  return Math.round(quality(chosenOn) * 100);
}

function isBetter(a: Rated, b: Rated): boolean {
  const isLate = (one: Rated) => Number((one.chosenOn.delay?.maxUs ?? 0) > DELAY_US_MAX);
  const order = hundredths(b) - hundredths(a) || isLate(a) - isLate(b) || a.sensitivity - b.sensitivity;
  return order < 0;
}

interface Part {
  fromUs: number;
  toUs: number;
}

/** The footage, cut in the middle of the gaps between labelled spans; optional spans stay with the part before them. */
function partsOf({ spans, toleranceUs }: Truth): Part[] {
  const cuts: number[] = [];
  let [quietFromUs, isLabelled] = [0, false];
  for (const { startUs, endUs, optional } of spans) {
    const isApart = startUs - quietFromUs > 2 * toleranceUs;
    if (!optional && isLabelled && isApart) cuts.push(Math.round((quietFromUs + startUs) / 2));
    isLabelled ||= !optional;
    quietFromUs = Math.max(quietFromUs, endUs);
  }
  // Events before or after the labelled footage belong to its first and last part.
  return [Number.NEGATIVE_INFINITY, ...cuts].map((fromUs, at) => ({
    fromUs,
    toUs: cuts[at] ?? Number.POSITIVE_INFINITY,
  }));
}

/** The score on some parts. An event across a cut is cut, and counts on each side. */
function scoreOn(parts: readonly Part[], truth: Truth, events: readonly ReplayedEvent[]): Score {
  const spans = truth.spans.filter((span) => parts.some((part) => isIn(span, part)));
  const seen = parts.flatMap((part) =>
    events.flatMap((event): ReplayedEvent[] => {
      const endUs = event.endUs ?? truth.durationUs;
      if (!isIn(event, part) && !(event.startUs < part.fromUs && endUs > part.fromUs)) return [];
      return [{ ...event, startUs: Math.max(event.startUs, part.fromUs), endUs: Math.min(endUs, part.toUs) }];
    }),
  );
  return matchEvents({ ...truth, spans }, seen).score;
}

function isIn({ startUs }: { startUs: number }, { fromUs, toUs }: Part): boolean {
  return startUs >= fromUs && startUs < toUs;
}

/** The result as lines: one for each candidate, with the best marked, and a summary. */
export function tuneText({ candidates, best, isConfirmed, pictures }: TuneResult): string[] {
  const share = (value: number) => value.toFixed(2);
  const scoreCells = (score: Score) => [
    share(quality(score)),
    share(score.precision),
    share(score.recall),
    share(score.timePrecision),
    score.delay ? (score.delay.medianUs / 1_000_000).toFixed(2) : '-',
  ];
  const row = (cells: readonly string[]) =>
    cells.map((cell, at) => (at === 1 ? cell.padEnd(16) : cell.padStart(9))).join('  ');
  const { sensitivity, zoneSet, heldOut } = best;
  const equals = candidates.filter((one) => one !== best && hundredths(one) === hundredths(best)).length;
  return [
    row(['sensit.', 'zones', 'quality', 'precision', 'recall', 'time', 'delay s', ...(isConfirmed ? ['other'] : [])]),
    ...candidates.map((one) => {
      const other = one.heldOut ? [share(quality(one.heldOut))] : [];
      const cells = [String(one.sensitivity), one.zoneSet, ...scoreCells(one.chosenOn), ...other];
      return `${row(cells)}${one === best ? '  <- best' : ''}`;
    }),
    `Sensitivity ${sensitivity}, zones ${zoneSet}: best on ${isConfirmed ? 'one half of what is labelled' : 'all of it'} (${pictures} pictures).`,
    ...(equals > 0 ? [`As good there: ${equals} other settings; footage with more in it tells them apart.`] : []),
    heldOut
      ? `On the other half: precision ${share(heldOut.precision)}, recall ${share(heldOut.recall)}, quality ${share(quality(heldOut))}.`
      : 'Not confirmed: choosing on one half and reporting on the other takes two labelled spans apart from each other.',
  ];
}
