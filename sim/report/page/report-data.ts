// Reads the report from the page's own data elements. report-html.ts wrote them from a checked report, so they are not checked again.
import type { RunHead } from '../report-html.ts';
import type { TestReport } from '../run-report.ts';

/** The run, and a summary of each test. */
export function readRun(): RunHead {
  return JSON.parse(textIn('run'));
}

/** The details of the test with this index. */
export function readTest(at: number): TestReport {
  return JSON.parse(textIn(`data-${at}`));
}

function textIn(id: string): string {
  return document.getElementById(id)?.textContent ?? 'null';
}
