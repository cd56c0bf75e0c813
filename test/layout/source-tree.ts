// Owns: reading the project's own sources for the tests that hold its layout rules.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

export const root = rootAbove(import.meta.dirname);

/** Also from where `npm run bench` compiles this to. */
function rootAbove(folder: string): string {
  return existsSync(join(folder, 'package-lock.json')) ? folder : rootAbove(dirname(folder));
}

/** Files under version control or about to be, relative to the root. */
export function projectFiles(): string[] {
  return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((name) => name !== '');
}

export interface SourceFile {
  name: string;
  text: string;
  lines: string[];
  /** Imported files, relative to the root. */
  imports: string[];
  /** Imported packages and node: modules. */
  packages: string[];
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s*['"]([^'"]+)['"]/g;

/** Every TypeScript source of the product (not of the tests). */
export function sources(): SourceFile[] {
  return projectFiles()
    .filter((name) => /^(device|cloud-bridge|sim)\/.*\.tsx?$/.test(name))
    .map((name) => {
      const text = readFileSync(join(root, name), 'utf8');
      const named = [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
      return {
        name,
        text,
        lines: text.split('\n'),
        imports: named.filter((to) => to.startsWith('.')).map((to) => relative(root, resolve(root, name, '..', to))),
        packages: named.filter((to) => !to.startsWith('.')),
      };
    });
}
