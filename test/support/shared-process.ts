// Owns: which test files run in one process after each other, so that what they import is loaded once for all of them, not once for each.
// Not here: the order of files (long-first.ts), how many processes there are (test/vitest.config.ts).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How a file says that one of its tests takes long, needs something, or runs in `npm run check:slow` alone. */
const HAS_OTHER_TESTS = /^\/\/ @module-tag |\btags: |\bslowIt\b/m;

/** Whether a file's tests are all among those of `npm test`, which has its files share processes. */
export function sharesProcess(source: string): boolean {
  return !HAS_OTHER_TESTS.test(source);
}

/** Every such file, by its path from the root, in alphabetical order. */
export function filesThatShare(root: string): string[] {
  const names = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).map((name) => `test/${name}`);
  return names
    .filter((name) => name.endsWith('.test.ts') && !name.endsWith('.slow.test.ts'))
    .filter((name) => sharesProcess(readFileSync(join(root, name), 'utf8')))
    .sort();
}
