// The order of test files: those with tests that take long come first, so that no worker ends a run with one of them while the others have
// nothing left.
import { readFileSync } from 'node:fs';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** How a file says that it takes long: for all of its tests, or for one of them. */
const TAKES_LONG = /^\/\/ @module-tag long$|\btags: \[?[^\]\n]*'long'/m;

export function takesLong(source: string): boolean {
  return TAKES_LONG.test(source);
}

export class LongFirst extends BaseSequencer {
  /** Within both groups the usual order: by the durations of the last run, or by size where there was none. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const usual = await super.sort(files);
    const long = new Set(usual.filter(({ moduleId }) => takesLong(readFileSync(moduleId, 'utf8'))));
    return [...long, ...usual.filter((file) => !long.has(file))];
  }
}
