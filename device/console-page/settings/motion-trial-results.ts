// Reads the device's answers about motion line by line: the current mask, and a trial's events by sensitivity.

import { fromBase64url } from '@doorsill/contract/bytes';
import { type MotionMaskLine, TRIAL_SENSITIVITIES_MAX, type TrialLine } from '@doorsill/contract/motion-messages';
import { parseJson } from '@doorsill/contract/parse-json';
import type { z } from 'zod';
import { linesOf } from '../kit/server-sent-events.ts';

const LINE_CHARS_MAX = 100_000;
/** Sensitivities closer than this give nearly the same result. */
const APART = 8;

/** The JSON lines of a text as it arrives. Throws for a line that does not match the schema. */
export async function* jsonLines<S extends z.ZodType>(
  texts: AsyncIterable<string>,
  schema: S,
): AsyncGenerator<z.output<S>> {
  for await (const line of linesOf(texts, LINE_CHARS_MAX)) if (line !== '') yield schema.parse(parseJson(line));
}

/** Numbers of the moving blocks, row by row. */
export function movingBlocks({ blocks, columns, rows }: MotionMaskLine): number[] {
  const bits = fromBase64url(blocks) ?? new Uint8Array(0);
  return Array.from({ length: columns * rows }, (_, at) => at).filter(
    (at) => ((bits[at >> 3] ?? 0) & (0x80 >> (at & 7))) !== 0,
  );
}

export interface TrialEvent {
  startUs: number;
  endUs: number;
  /** Whether the settings in force detect it, too. */
  isSeenNow: boolean;
}

export interface TrialResults {
  /** 0 to 1. */
  share: number;
  isDone: boolean;
  /** Length of the examined footage, in microseconds. */
  lookedUs: number;
  failed: { code: string; detail: string } | null;
  /** With the settings in force. */
  now: { count: number; events: readonly Span[] };
  tried: readonly { sensitivity: number; count: number; events: readonly TrialEvent[] }[];
}

type Span = Pick<TrialEvent, 'startUs' | 'endUs'>;

export const NO_RESULTS: TrialLines = { lines: [], progress: null };

/** The lines of a trial so far. */
export interface TrialLines {
  lines: readonly TrialLine[];
  progress: Extract<TrialLine, { line: 'progress' }> | null;
}

export function withLine(before: TrialLines, line: TrialLine): TrialLines {
  if (line.line === 'progress') return { ...before, progress: line };
  return { ...before, lines: [...before.lines, line] };
}

/** A trial's results so far. */
export function trialResults({ lines, progress }: TrialLines, sensitivities: readonly number[]): TrialResults {
  const spansOf = (by: number | 'in-force') =>
    lines
      .flatMap((line) => (line.line === 'event' && line.by === by ? [line] : []))
      .map(({ startUs, endUs }) => ({ startUs, endUs }));
  const done = lines.find((line) => line.line === 'done');
  const failed = lines.find((line) => line.line === 'failed');
  const now = spansOf('in-force');
  const countOf = (by: number | 'in-force', found: readonly Span[]) =>
    done?.counts.find((one) => one.by === by)?.events ?? found.length;
  const tried = sensitivities.map((sensitivity) => {
    const found = spansOf(sensitivity);
    const events = found.map((event) => ({ ...event, isSeenNow: now.some((other) => overlaps(event, other)) }));
    return { sensitivity, count: countOf(sensitivity, found), events };
  });
  const share = progress && progress.ofUs > 0 ? Math.min(1, progress.lookedUs / progress.ofUs) : 0;
  return {
    share: done ? 1 : share,
    isDone: done !== undefined,
    lookedUs: done?.lookedUs ?? progress?.lookedUs ?? 0,
    failed: failed ? { code: failed.code, detail: failed.detail } : null,
    now: { count: countOf('in-force', now), events: now },
    tried,
  };
}

function overlaps(a: Span, b: Span): boolean {
  return a.startUs <= b.endUs && b.startUs <= a.endUs;
}

/** The sensitivities to try: the drafted one and others around it; ascending, at most five. */
export function sensitivitiesToTry(draft: number): number[] {
  const away = (one: number) => Math.abs(one - draft);
  const others = [30, 50, 65, 80, 90].filter((one) => away(one) >= APART).sort((a, b) => away(a) - away(b));
  return [...others.slice(0, TRIAL_SENSITIVITIES_MAX - 1), draft].sort((a, b) => a - b);
}

/** The latest night, 22 to 6 o'clock in the browser's time; also one that has not ended yet. */
export function lastNight(nowUs: number): { startUs: number; endUs: number } {
  const start = new Date(nowUs / 1000);
  if (start.getHours() < 22) start.setDate(start.getDate() - 1);
  start.setHours(22, 0, 0, 0);
  const startUs = start.getTime() * 1000;
  return { startUs, endUs: Math.min(nowUs, startUs + 8 * 3_600_000_000) };
}
