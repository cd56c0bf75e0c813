// Our own packages, as tests need them: their folders, names and packed files, and where the sources of what they export lie.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of each package that others import; one that lies in another's comes first. */
const PACKAGES = ['device/contract', 'device/base', 'device', 'cloud-bridge', 'sim'];

/** The folder of the package that a file lies in, by its path below the root; undefined for what is in none. */
export function packageOf(path: string): string | undefined {
  return PACKAGES.find((folder) => path.startsWith(`${folder}/`));
}

interface Manifest {
  name: string;
  workspaces: string[];
  /** One without a source is JavaScript already. */
  exports: Record<string, { source: string } | string>;
}

function manifestIn(root: string, folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
}

/** The folders of all packages by their names, in the order of these. */
export function packageFolders(root: string): Map<string, string> {
  const { workspaces } = manifestIn(root, '.');
  return new Map(workspaces.map((folder) => [manifestIn(root, folder).name, folder] as const).toSorted());
}

/** The name of the package in a file that `npm pack` wrote. */
export function packedName(file: string): string {
  return file.replace(/-\d.*$/, '').replace(/^doorsill-/, '@doorsill/');
}

/** The sources that a package exports, as absolute paths. */
export function exportedSources(root: string, folder: string): string[] {
  const targets = Object.values(manifestIn(root, folder).exports);
  return targets.flatMap((target) => (typeof target === 'string' ? [] : [join(root, folder, target.source)]));
}

interface Alias {
  find: RegExp;
  replacement: string;
}

/** For each subpath that a package exports, its source below `root`. */
export function sourceAliases(root: string): Alias[] {
  return PACKAGES.flatMap((folder) => {
    const { name, exports } = manifestIn(root, folder);
    return Object.entries(exports).map(([subpath, target]) => ({
      find: new RegExp(`^${name}${subpath.slice(1)}$`),
      replacement: join(root, folder, typeof target === 'string' ? target : target.source),
    }));
  });
}
