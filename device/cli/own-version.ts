// Owns: which version this is, or another one on this machine. Not here: printing it.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The version in package.json, which lies above this file both as source and as built. */
export function ownVersion(): string {
  const found = ['../../sim/package.json', '../../package.json']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find(existsSync);
  return found === undefined ? 'unknown' : versionIn(found);
}

/** The version that a package.json names; `unknown` when it cannot be read. */
export function versionIn(file: string): string {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const named = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : null;
    return typeof named === 'string' ? named : 'unknown';
  } catch {
    return 'unknown';
  }
}
