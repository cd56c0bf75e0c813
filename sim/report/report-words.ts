// Wording that all report formats and the page share, unescaped.
import type { RunTotals, TestReport, TestStatus } from './run-report.ts';

/** The order in which a reader wants to see them. */
export const STATUSES_WORST_FIRST = [
  'failed',
  'interrupted',
  'flaky',
  'skipped',
  'passed',
] as const satisfies TestStatus[];

/** A test's name with its variant: `A ring is recorded (camera=porch, motion=high)`. */
export function testTitle({ name, variant }: Pick<TestReport, 'name' | 'variant'>): string {
  const parts = Object.entries(variant ?? {}).map(([key, value]) => `${key}=${value}`);
  return parts.length === 0 ? name : `${name} (${parts.join(', ')})`;
}

/** `file:line:column`, as far as known; else empty. */
export function placeText(place: {
  file?: string | undefined;
  line?: number | undefined;
  column?: number | undefined;
}) {
  if (place.file === undefined) return '';
  return [place.file, place.line, place.line === undefined ? undefined : place.column]
    .filter((part) => part !== undefined)
    .join(':');
}

/** `12 passed, 1 failed, 2 skipped`: passed and failed always, the others if not 0. */
export function totalsText({ passed, failed, skipped, flaky, interrupted }: RunTotals): string {
  const others = Object.entries({ skipped, flaky, interrupted }).filter(([, amount]) => amount > 0);
  return [`${passed} passed`, `${failed} failed`, ...others.map(([word, amount]) => `${amount} ${word}`)].join(', ');
}

/** Whether a run succeeded: nothing failed and nothing was interrupted. Flaky tests passed in the end. */
export function isSuccess({ failed, interrupted }: RunTotals): boolean {
  return failed === 0 && interrupted === 0;
}

/** A duration for people: `340 ms`, `7.2 s`, `2 min 5 s`, `1 h 3 min`. */
export function lengthText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 119_500) return `${trimmed(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min${unless0(seconds % 60, 's')}`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h${unless0(minutes % 60, 'min')}`;
}

/** A delay: `+0.32 s`, `−0.1 s`. */
export function lateText(ms: number): string {
  return `${ms < 0 ? '−' : '+'}${trimmed(Math.abs(ms) / 1000, 2)} s`;
}

function unless0(amount: number, unit: string): string {
  return amount === 0 ? '' : ` ${amount} ${unit}`;
}

function trimmed(value: number, digits = 1): string {
  return String(Number(value.toFixed(digits)));
}
