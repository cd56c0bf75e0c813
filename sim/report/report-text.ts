// A run's end for a terminal: failures with place and rerun command, then one line of totals. No line begins with untrusted text, which a
// CI log could take for a command.
import { join } from 'node:path';
import { printableLine, printableLines } from './printable-text.ts';
import { lengthText, placeText, testTitle, totalsText } from './report-words.ts';
import type { RunReport, TestFailure, TestReport } from './run-report.ts';

const LINES_OF_TEXT_MAX = 40;
const FLAKY_MAX = 50;
const FAILED_MAX = 200;

/**
 * The lines, joined; the last is `N passed, N failed[, N skipped][, N flaky][, N interrupted] in T`. `out` is the parent folder of failed
 * tests' folders, as the reader finds it.
 */
export function reportText(report: RunReport, out = ''): string {
  const ended = (status: TestReport['status']) => report.tests.filter((test) => test.status === status);
  const failed = [...ended('failed'), ...ended('interrupted')];
  const flaky = ended('flaky');
  return [
    ...failed.slice(0, FAILED_MAX).flatMap((test) => failedLines(test, out)),
    ...andMore(failed.length - FAILED_MAX, 'failed'),
    ...flaky.slice(0, FLAKY_MAX).flatMap(flakyLines),
    ...andMore(flaky.length - FLAKY_MAX, 'flaky'),
    `${totalsText(report.totals)} in ${lengthText(report.durationMs)}`,
  ].join('\n');
}

function failedLines(test: TestReport, out: string): string[] {
  const place = placeText(test);
  return [
    `${test.status}: ${printableLine(testTitle(test))}`,
    ...(place === '' ? [] : [`  at ${printableLine(place)}`]),
    ...test.failures.flatMap(failureLines),
    ...test.notes.map((note) => `  note: ${printableLine(note)}`),
    ...(test.folder === undefined ? [] : [`  files: ${printableLine(join(out, test.folder))}`]),
    `  again: ${printableLine(test.rerun)}`,
    '',
  ];
}

function failureLines(failed: TestFailure): string[] {
  const place = failed.at ? ` (${printableLine(placeText(failed.at))})` : '';
  return [
    `  - ${printableLine(failed.what)}${place}`,
    ...(failed.diff === undefined
      ? [...quoted('expected', failed.expected), ...quoted('actual', failed.actual)]
      : quoted('diff', failed.diff)),
    ...(failed.advice === undefined ? [] : [`    advice: ${printableLine(failed.advice)}`]),
  ];
}

function quoted(what: string, text: string | undefined): string[] {
  if (text === undefined) return [];
  const lines = printableLines(text);
  if (lines.length === 1) return [`    ${what}: ${lines[0]}`];
  return [
    `    ${what}:`,
    ...lines.slice(0, LINES_OF_TEXT_MAX).map((line) => `    | ${line}`),
    ...(lines.length > LINES_OF_TEXT_MAX ? [`    | … ${lines.length - LINES_OF_TEXT_MAX} more lines`] : []),
  ];
}

function flakyLines(test: TestReport): string[] {
  const what = test.failures[0] ? `: ${printableLine(test.failures[0].what)}` : '';
  return [
    `flaky: ${printableLine(testTitle(test))} (${test.attempts} attempts)${what}`,
    `  again: ${printableLine(test.rerun)}`,
    '',
  ];
}

function andMore(amount: number, what: string): string[] {
  return amount > 0 ? [`… and ${amount} more ${what}`, ''] : [];
}
