// The result of a test run as one checked document: the file report.json, and the source of all other formats.

import { readBySchema } from '@doorsill/base/schema-fault';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';
import { failure } from '../errors.ts';

export const REPORT_FORMAT = 'doorsill-report-1';

/** Limits of a report. `makeRunReport` shortens what is longer, with a note of how much it cut. */
export const REPORT_LIMITS = {
  tests: 100_000,
  failuresOfTest: 1000,
  marksOfTest: 100_000,
  stillsOfCamera: 1000,
  nameLetters: 500,
  lineLetters: 4000,
  textLetters: 200_000,
  stillBytes: 4 * 1024 * 1024,
  fileBytes: 512 * 1024 * 1024,
} as const;

const name = z.string().min(1).max(REPORT_LIMITS.nameLetters);
const line = z.string().max(REPORT_LIMITS.lineLetters);
const text = z.string().max(REPORT_LIMITS.textLetters);
/** Wall time of the run's own clock, virtual or real: microseconds since 1970. */
const atUs = z.int().nonnegative();
const durationMs = z.number().nonnegative();
const count = z.int().nonnegative();
const marks = <T extends z.ZodType>(of: T) => z.array(of).max(REPORT_LIMITS.marksOfTest);

/** A file next to the report: a relative path below it, with slashes. */
const fileBelow = z
  .string()
  .max(1000)
  .regex(/^(?!\/)(?!.*(^|\/)\.{1,2}(\/|$))[^\\\0]+$/, 'is not a path below the report');

const span = z.strictObject({ startUs: atUs, endUs: atUs });

const TimelineStill = z
  .strictObject({
    atUs,
    caption: line,
    file: fileBelow.optional(),
    jpegBase64: z
      .base64()
      .max(Math.ceil((REPORT_LIMITS.stillBytes * 4) / 3) + 4)
      .startsWith('/9j/')
      .optional(),
  })
  .refine(
    (picture) => picture.file !== undefined || picture.jpegBase64 !== undefined,
    'has neither file nor jpegBase64',
  );

const event = z.strictObject({
  type: name,
  startUs: atUs,
  endUs: atUs.optional(),
  label: line.optional(),
  verdict: z.enum(['matched', 'false']).optional(),
  /** How much later than the truth it began; negative if earlier. */
  lateByMs: z.number().optional(),
});

const truth = z.strictObject({
  event: name,
  startUs: atUs,
  endUs: atUs,
  label: line.optional(),
  verdict: z.enum(['matched', 'missed', 'optional']),
});

const TestTimeline = z
  .strictObject({
    startUs: atUs,
    endUs: atUs,
    /** IANA zone in which wall times are shown; UTC by default. */
    zone: z.string().max(100).optional(),
    cameras: z
      .array(
        z.strictObject({
          name,
          recorded: marks(span),
          events: marks(event),
          truth: marks(truth),
          stills: z.array(TimelineStill).max(REPORT_LIMITS.stillsOfCamera),
        }),
      )
      .max(100),
    steps: marks(
      z.strictObject({ atUs, text: line, outcome: z.enum(['done', 'refused', 'failed']), detail: line.optional() }),
    ),
  })
  .refine(({ startUs, endUs }) => startUs <= endUs, 'ends before it starts');

const TestAccuracy = z.strictObject({
  precision: z.number().min(0).max(1).nullable(),
  recall: z.number().min(0).max(1).nullable(),
  delayMs: z.strictObject({ median: z.number(), p90: z.number() }).nullable(),
  matched: count,
  missed: count,
  false: count,
});

const TestFailure = z.strictObject({
  what: line,
  advice: line.optional(),
  at: z.strictObject({ file: line, line: count.optional(), column: count.optional() }).optional(),
  expected: text.optional(),
  actual: text.optional(),
  /** Unified: `-` lines were expected, `+` lines are actual. */
  diff: text.optional(),
});

export const TEST_STATUSES = ['failed', 'interrupted', 'flaky', 'skipped', 'passed'] as const;

const TestReport = z.strictObject({
  name,
  file: line.optional(),
  line: count.optional(),
  variant: z.record(name, line).optional(),
  status: z.enum(TEST_STATUSES),
  durationMs,
  attempts: z.int().min(0).max(100_000),
  /** The command that repeats this test. */
  rerun: line,
  /** Its events, clips and log, relative to the report. */
  folder: fileBelow.optional(),
  /** For a flaky test: the failures of its earlier attempts. */
  failures: z.array(TestFailure).max(REPORT_LIMITS.failuresOfTest),
  notes: z.array(line).max(1000),
  timeline: TestTimeline.optional(),
  score: TestAccuracy.optional(),
});

const RunTotals = z.strictObject({ passed: count, failed: count, skipped: count, flaky: count, interrupted: count });

export const RunReport = z
  .strictObject({
    format: z.literal(REPORT_FORMAT),
    tool: name,
    command: line,
    seed: z.int(),
    /** When it was started, by the machine's clock. */
    startedAt: z.iso.datetime({ offset: true }),
    durationMs,
    totals: RunTotals,
    tests: z.array(TestReport).max(REPORT_LIMITS.tests),
  })
  .refine(({ totals, tests }) => sameTotals(totals, totalsOf(tests)), 'has totals that are not those of its tests');

export type RunReport = z.infer<typeof RunReport>;
export type TestReport = z.infer<typeof TestReport>;
export type TestStatus = TestReport['status'];
export type TestFailure = z.infer<typeof TestFailure>;
export type TestTimeline = z.infer<typeof TestTimeline>;
export type TimelineCamera = TestTimeline['cameras'][number];
export type TimelineStill = z.infer<typeof TimelineStill>;
export type TestAccuracy = z.infer<typeof TestAccuracy>;
export type RunTotals = z.infer<typeof RunTotals>;

export function totalsOf(tests: readonly { status: TestStatus }[]): RunTotals {
  const totals: RunTotals = { passed: 0, failed: 0, skipped: 0, flaky: 0, interrupted: 0 };
  for (const { status } of tests) totals[status] += 1;
  return totals;
}

function sameTotals(one: RunTotals, other: RunTotals): boolean {
  return TEST_STATUSES.every((status) => one[status] === other[status]);
}

/**
 * Makes a report from a run: counts the totals and shortens texts that exceed a report's limits. Throws a ZodError if anything else is
 * wrong, which is a bug of the caller.
 */
export function makeRunReport(run: Omit<RunReport, 'format' | 'totals'>): RunReport {
  const tests = run.tests.map(shortened);
  return RunReport.parse({
    ...run,
    format: REPORT_FORMAT,
    command: short(run.command, REPORT_LIMITS.lineLetters),
    totals: totalsOf(tests),
    tests,
  });
}

/** Reads the bytes of a report.json. Throws `report_unreadable`. */
export function parseRunReport(bytes: Uint8Array, file: string): RunReport {
  const value = parseJson(new TextDecoder().decode(bytes));
  if (value === undefined) throw failure('report_unreadable', { file, detail: 'it is not JSON' });
  const read = readBySchema(RunReport, value, 'the file');
  if (read.ok) return read.data;
  throw failure('report_unreadable', { file, detail: read.fault });
}

function shortened(test: TestReport): TestReport {
  const { nameLetters, lineLetters, textLetters } = REPORT_LIMITS;
  const shortOf = <K extends string>(from: { [key in K]?: string | undefined }, key: K, letters: number) =>
    from[key] === undefined ? {} : { [key]: short(from[key], letters) };
  return {
    ...test,
    name: short(test.name, nameLetters),
    rerun: short(test.rerun, lineLetters),
    notes: test.notes.slice(0, 1000).map((note) => short(note, lineLetters)),
    ...(test.variant === undefined ? {} : { variant: shortValues(test.variant) }),
    ...(test.timeline === undefined ? {} : { timeline: shortTimeline(test.timeline) }),
    failures: test.failures.slice(0, REPORT_LIMITS.failuresOfTest).map((failed) => ({
      ...failed,
      what: short(failed.what, lineLetters),
      ...shortOf(failed, 'advice', lineLetters),
      ...shortOf(failed, 'expected', textLetters),
      ...shortOf(failed, 'actual', textLetters),
      ...shortOf(failed, 'diff', textLetters),
    })),
  };
}

function shortValues(variant: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variant).map(([key, value]) => [key, short(value, REPORT_LIMITS.nameLetters)]),
  );
}

function shortTimeline(timeline: TestTimeline): TestTimeline {
  const line = (long: string) => short(long, REPORT_LIMITS.lineLetters);
  const label = <T extends { label?: string | undefined }>(mark: T): T =>
    mark.label === undefined ? mark : { ...mark, label: line(mark.label) };
  return {
    ...timeline,
    steps: timeline.steps.map((step) => ({
      ...step,
      text: line(step.text),
      ...(step.detail === undefined ? {} : { detail: line(step.detail) }),
    })),
    cameras: timeline.cameras.map((camera) => ({
      ...camera,
      events: camera.events.map(label),
      truth: camera.truth.map(label),
      stills: camera.stills.map((picture) => ({ ...picture, caption: line(picture.caption) })),
    })),
  };
}

function short(long: string, letters: number): string {
  if (long.length <= letters) return long;
  const kept = letters - 60;
  // Never splits a surrogate pair.
  const cut = /[\uD800-\uDBFF]/.test(long[kept - 1] ?? '') ? kept - 1 : kept;
  return `${long.slice(0, cut)} … and ${long.length - cut} more letters`;
}
