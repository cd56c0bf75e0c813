// A run as JUnit XML for CI systems: a suite for each file, a case for each test. Flaky tests are written as by maven-surefire.
import { escapeXml, escapeXmlAttribute } from '@doorsill/base/escape-html';
import { placeText, testTitle } from './report-words.ts';
import { type RunReport, type TestFailure, type TestReport, totalsOf } from './run-report.ts';

/** The document. A flaky test counts as passed, an interrupted one as an error. */
export function reportJunit(report: RunReport): string {
  const suites = new Map<string, TestReport[]>();
  for (const test of report.tests) {
    const suite = test.file ?? 'doorsill';
    const tests = suites.get(suite);
    if (tests) tests.push(test);
    else suites.set(suite, [test]);
  }
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${attributes({ name: report.tool, ...countsOf(report.tests), time: seconds(report.durationMs) })}>`,
    ...[...suites].flatMap(([name, tests]) => suiteLines(name, tests, report)),
    '</testsuites>',
    '',
  ].join('\n');
}

function suiteLines(name: string, tests: readonly TestReport[], report: RunReport): string[] {
  const time = seconds(tests.reduce((sum, { durationMs }) => sum + durationMs, 0));
  // JUnit's timestamps are in seconds without a zone; this is UTC.
  const timestamp = new Date(report.startedAt).toISOString().slice(0, 19);
  return [
    `  <testsuite ${attributes({ name, ...countsOf(tests), time, timestamp })}>`,
    '    <properties>',
    `      <property ${attributes({ name: 'command', value: report.command })}/>`,
    `      <property ${attributes({ name: 'seed', value: report.seed })}/>`,
    '    </properties>',
    ...tests.flatMap(caseLines),
    '  </testsuite>',
  ];
}

function countsOf(tests: readonly TestReport[]) {
  const { failed, interrupted, skipped } = totalsOf(tests);
  return { tests: tests.length, failures: failed, errors: interrupted, skipped };
}

function caseLines(test: TestReport): string[] {
  const head = attributes({
    name: testTitle(test),
    classname: (test.file ?? 'doorsill').replace(/\.\w+$/, '').replaceAll('/', '.'),
    time: seconds(test.durationMs),
    file: test.file,
    line: test.line,
  });
  return [
    `    <testcase ${head}>`,
    ...outcomeLines(test),
    `      <system-out>${escapeXml(systemOut(test))}</system-out>`,
    '    </testcase>',
  ];
}

/** At most one element: some readers take only the first, others fail on a second. */
function outcomeLines(test: TestReport): string[] {
  const { status, failures, notes } = test;
  const [first] = failures;
  const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : '';
  const message = `${first?.what ?? `The test was ${status}.`}${more}`;
  const body = escapeXml(failures.map(failureText).join('\n\n'));
  if (status === 'failed') return [`      <failure ${attributes({ message, type: 'expectation' })}>${body}</failure>`];
  if (status === 'interrupted') return [`      <error ${attributes({ message, type: 'interrupted' })}>${body}</error>`];
  if (status === 'skipped') return [`      <skipped ${attributes({ message: notes.join(' ') || undefined })}/>`];
  if (status === 'flaky') {
    const trace = `<stackTrace>${body}</stackTrace>`;
    return [`      <flakyFailure ${attributes({ message, type: 'expectation' })}>${trace}</flakyFailure>`];
  }
  return [];
}

function failureText({ what, at, expected, actual, diff, advice }: TestFailure): string {
  return [
    what,
    ...(at ? [`at ${placeText(at)}`] : []),
    ...(expected === undefined ? [] : [`expected: ${expected}`]),
    ...(actual === undefined ? [] : [`actual: ${actual}`]),
    ...(diff === undefined ? [] : [diff]),
    ...(advice === undefined ? [] : [advice]),
  ].join('\n');
}

function systemOut({ notes, folder, rerun, attempts }: TestReport): string {
  return [
    ...notes,
    ...(attempts > 1 ? [`attempts: ${attempts}`] : []),
    ...(folder === undefined ? [] : [`files: ${folder}`]),
    `again: ${rerun}`,
  ].join('\n');
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function attributes(of: Record<string, string | number | undefined>): string {
  return Object.entries(of)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${escapeXmlAttribute(String(value))}"`)
    .join(' ');
}
