// Finding real footage for tests, which is never part of the repository.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = process.env['DOORSILL_MEDIA'] ?? resolve(root, '../shared/media');

/** The path of a file of footage; null where it is not there, and then the test is skipped. */
export function mediaFile(name: string): string | null {
  const path = join(folder, name);
  return existsSync(path) ? path : null;
}
