// Which test files run in one process after each other, so that what they import is loaded once for all of them, not once for each.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * How a file says that it needs a process of its own, because it measures this process's memory or replaces what all share; or that some of
 * its tests run in `npm run check:slow` alone, whose settings the other processes do not have.
 */
const OWN_PROCESS = /^\/\/ @own-process\b|\bslowIt\b/m;

export function sharesProcess(source: string): boolean {
  return !OWN_PROCESS.test(source);
}

/** Every such file, by its path from the root, in alphabetical order. */
export function filesThatShare(root: string): string[] {
  const names = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).map((name) => `test/${name}`);
  return names
    .filter((name) => name.endsWith('.test.ts') && !name.endsWith('.slow.test.ts'))
    .filter((name) => sharesProcess(readFileSync(join(root, name), 'utf8')))
    .sort();
}
