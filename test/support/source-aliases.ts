// Owns: where the sources of what our packages export lie, for vitest and for what bundles sources. Not here: what they export (each package.json).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of each package that others import. */
export const PACKAGES = ['device', 'device/contract', 'device/base', 'cloud-bridge', 'sim'];

/** The name of the package in a folder below `root`. */
export function packageNameOf(root: string, folder: string): string {
  return (JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { name: string }).name;
}

interface Alias {
  find: RegExp;
  replacement: string;
}

/** For each subpath that a package exports, its source below `root`. */
export function sourceAliases(root: string): Alias[] {
  return PACKAGES.flatMap((folder) => {
    const { name, exports } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
      name: string;
      exports: Record<string, { source: string }>;
    };
    return Object.entries(exports).map(([subpath, { source }]) => ({
      find: new RegExp(`^${name}${subpath.slice(1)}$`),
      replacement: join(root, folder, source),
    }));
  });
}
