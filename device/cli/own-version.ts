// The version of this program, or of another one on this machine.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** This program's version, from the package.json above this file, in the source as in the build. */
export function ownVersion(): string {
  const found = ['../../sim/package.json', '../../package.json']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find(existsSync);
  return found === undefined ? 'unknown' : versionIn(found);
}

/** The version in a package.json; `unknown` when it cannot be read. */
export function versionIn(file: string): string {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const named = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : null;
    return typeof named === 'string' ? named : 'unknown';
  } catch {
    return 'unknown';
  }
}
