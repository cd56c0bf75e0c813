// Sorts and filters the list of tests.
import type { TestLine } from '../report-html.ts';
import { placeText, STATUSES_WORST_FIRST, testTitle } from '../report-words.ts';
import type { TestStatus } from '../run-report.ts';

export interface ListedTest {
  test: TestLine;
  /** Its index in the report. */
  at: number;
  /** The searched text, in lower case. */
  searched: string;
}

/** All tests, the worst first, then in the order in which they ran. */
export function listTests(tests: readonly TestLine[]): ListedTest[] {
  const listed = tests.map((test, at) => ({
    test,
    at,
    searched: `${testTitle(test)}\n${placeText(test)}\n${test.what ?? ''}`.toLowerCase(),
  }));
  return STATUSES_WORST_FIRST.flatMap((status) => listed.filter(({ test }) => test.status === status));
}

/** Tests with the status, if given, whose title, place or first failure contains every word. */
export function filterTests(listed: readonly ListedTest[], status: TestStatus | null, words: string): ListedTest[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return listed.filter(
    ({ test, searched }) =>
      (status === null || test.status === status) && wanted.every((word) => searched.includes(word)),
  );
}
