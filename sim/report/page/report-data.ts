// Owns: reading the report out of the page's own data elements. They hold what report-html.ts wrote from a checked report, in this
// very file, so they are not checked again.
import type { RunHead } from '../report-html.ts';
import type { TestReport } from '../run-report.ts';

/** What is known of the run and, in short, of each test. */
export function readRun(): RunHead {
  return JSON.parse(textIn('run'));
}

/** All that is known of one test, by its place in the report. */
export function readTest(at: number): TestReport {
  return JSON.parse(textIn(`data-${at}`));
}

function textIn(id: string): string {
  return document.getElementById(id)?.textContent ?? 'null';
}
