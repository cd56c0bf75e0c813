// Owns: which version this is. Not here: printing it.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The version in package.json, which lies above this file both as source and as built. */
export function ownVersion(): string {
  const require = createRequire(import.meta.url);
  const found = ['../../package.json', '../../../package.json']
    .map((path) => new URL(path, import.meta.url))
    .find(existsSync);
  const parsed: unknown = found ? require(fileURLToPath(found)) : null;
  const named = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : null;
  return typeof named === 'string' ? named : 'unknown';
}
