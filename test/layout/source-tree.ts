// Reading the project's own sources for the tests that hold its layout rules.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { sourceAliases } from '../support/own-packages.ts';

export const root = join(import.meta.dirname, '../..');

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
  /** Imported files, relative to the root, by their path or by their package's name. */
  imports: string[];
  /** Of these, what is loaded with the file: not types alone, and not later by `import()`. */
  loads: string[];
  /** Imported packages of others and node: modules. */
  packages: string[];
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s*['"]([^'"]+)['"]/g;

const LOADED = /^(?:import|export) (?!type )(?:[^;'"]*? from )?'([^']+)'/gm;

/** Every TypeScript source of the product (not of the tests). */
export function sources(): SourceFile[] {
  const exported = sourceAliases(root);
  const sourceOf = (name: string) => exported.find(({ find }) => find.test(name))?.replacement;
  const pathOf = (from: string, to: string): string | null => {
    const path = to.startsWith('.') ? resolve(root, from, '..', to) : sourceOf(to);
    return path === undefined ? null : relative(root, path);
  };
  return projectFiles()
    .filter((name) => /^(device|cloud-bridge|sim)\/.*\.tsx?$/.test(name))
    .map((name) => {
      const text = readFileSync(join(root, name), 'utf8');
      const named = [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
      return {
        name,
        text,
        lines: text.split('\n'),
        imports: named.flatMap((to) => pathOf(name, to) ?? []),
        loads: [...text.matchAll(LOADED)].flatMap(([, to = '']) => pathOf(name, to) ?? []),
        packages: named.filter((to) => !to.startsWith('.') && sourceOf(to) === undefined),
      };
    });
}
