// A run as GitHub workflow commands (an annotation for each failure) and as markdown for GITHUB_STEP_SUMMARY, which the caller appends.
import { printableLine } from './printable-text.ts';
import { isSuccess, lengthText, placeText, testTitle, totalsText } from './report-words.ts';
import type { RunReport, TestFailure, TestReport } from './run-report.ts';

/** GitHub shows ten annotations of a kind for each step, and silently drops more. */
const ANNOTATIONS_MAX = 10;
/** GitHub refuses summaries beyond 1 MiB, and other steps may have written to it. */
const SUMMARY_ROWS_BYTES_MAX = 512 * 1024;
const WHAT_LETTERS_MAX = 300;

export interface GithubReport {
  /** Workflow commands, one a line; empty if nothing failed. */
  commands: string;
  /** GitHub-flavoured markdown, with all untrusted text escaped. */
  summary: string;
}

/** Failures become errors, flaky tests warnings. */
export function reportGithub(report: RunReport): GithubReport {
  return { commands: commandsOf(report).join('\n'), summary: summaryOf(report) };
}

function commandsOf({ tests }: RunReport): string[] {
  const of = (...statuses: TestReport['status'][]) => tests.filter(({ status }) => statuses.includes(status));
  return [...annotations('error', of('failed', 'interrupted')), ...annotations('warning', of('flaky'))];
}

function annotations(level: 'error' | 'warning', tests: TestReport[]): string[] {
  // The last annotation counts the rest, if there is one.
  const shown = tests.length > ANNOTATIONS_MAX ? ANNOTATIONS_MAX - 1 : tests.length;
  const lines = tests.slice(0, shown).map((test) => annotation(level, test));
  if (shown < tests.length) lines.push(`::${level}::${tests.length - shown} more: see the summary of this job`);
  return lines;
}

function annotation(level: string, test: TestReport): string {
  const [first, ...others] = test.failures;
  const at = first?.at ?? test;
  const properties = [
    ...(at.file === undefined ? [] : [`file=${property(at.file)}`]),
    ...(at.line === undefined ? [] : [`line=${at.line}`]),
    ...('column' in at && at.column !== undefined ? [`col=${at.column}`] : []),
    `title=${property(`${test.status}: ${testTitle(test)}`)}`,
  ];
  const lines = [
    first ? detail(first) : `The test was ${test.status}.`,
    ...others.map(detail),
    `Run again: ${printableLine(test.rerun)}`,
  ];
  return `::${level} ${properties.join(',')}::${data(lines.join('\n'))}`;
}

function detail({ what, expected, actual, advice }: TestFailure): string {
  return [
    printableLine(what),
    ...(expected === undefined ? [] : [`expected: ${shortLine(expected)}`]),
    ...(actual === undefined ? [] : [`actual: ${shortLine(actual)}`]),
    ...(advice === undefined ? [] : [printableLine(advice)]),
  ].join('\n');
}

/** Escapes a command's message, as `escapeData` of GitHub's actions/toolkit does. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Escapes a command's property, as `escapeProperty` there does. */
function property(text: string): string {
  return data(printableLine(text)).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

function summaryOf(report: RunReport): string {
  const { totals, tests } = report;
  const shown = tests.filter(({ status }) => status !== 'passed' && status !== 'skipped');
  const rows = rowsThatFit(shown);
  const rest = shown.length - rows.length;
  return [
    `## ${isSuccess(totals) ? '✅' : '❌'} ${totalsText(totals)}`,
    '',
    `${inert(report.command)} took ${lengthText(report.durationMs)}, seed ${report.seed}, ${inert(report.tool)}.`,
    '',
    ...(rows.length === 0
      ? []
      : ['| Status | Test | What differed | Run again |', '| --- | --- | --- | --- |', ...rows, '']),
    ...(rest > 0 ? [`${rest} more are in the report.`, ''] : []),
  ].join('\n');
}

function rowsThatFit(tests: readonly TestReport[]): string[] {
  const rows: string[] = [];
  let room = SUMMARY_ROWS_BYTES_MAX;
  for (const test of tests) {
    const next = row(test);
    room -= Buffer.byteLength(next) + 1;
    if (room < 0) break;
    rows.push(next);
  }
  return rows;
}

function row(test: TestReport): string {
  const place = placeText(test);
  const what = test.failures.slice(0, 5).map((failed) => inert(shortLine(failed.what)));
  const more = test.failures.length > 5 ? [`and ${test.failures.length - 5} more`] : [];
  return `| ${[
    test.status,
    `${inert(testTitle(test))}${place === '' ? '' : `<br>${inert(place)}`}`,
    [...what, ...more].join('<br>'),
    `<code>${inert(test.rerun)}</code>`,
  ].join(' | ')} |`;
}

function shortLine(text: string): string {
  const whole = printableLine(text);
  return whole.length <= WHAT_LETTERS_MAX ? whole : `${whole.slice(0, WHAT_LETTERS_MAX - 1)}…`;
}

/** Escapes text: each ASCII sign that markdown, HTML or automatic links interpret becomes a character reference. */
function inert(text: string): string {
  return printableLine(text).replaceAll(/[^A-Za-z0-9 ,\u0080-\u{10ffff}]/gu, (sign) => `&#${sign.codePointAt(0)};`);
}
