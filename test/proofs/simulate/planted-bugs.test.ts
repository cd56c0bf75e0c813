// The place of each bug that the simulation must find exists once in the sources, and the compiler takes all of them: what finds them
// (planted-bugs.slow.test.ts) takes ten minutes, and a bug that does not compile would be noticed only there.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { BUGS } from './planted-bugs.ts';

it.each(BUGS)('the place of $name is there once', ({ edits }) => {
  for (const { file, from } of edits) {
    expect(readFileSync(join(root, file), 'utf8').split(from), `${from} in ${file}`).toHaveLength(2);
  }
});

/** Folders that are compiled each into its own `dist`; nested ones first. */
const PACKAGES = ['device/contract', 'device/base', 'device', 'cloud-bridge', 'sim', 'test/proofs'];

/** A declaration without what differs by how it was written or built. */
const declared = (path: string) =>
  readFileSync(path, 'utf8')
    .replaceAll(/\.[jt]s(?=['"])/g, '')
    .replaceAll(/^import type \{ /gm, 'import { type ');

// Only the changed files are compiled, among the declarations of the build: their users compile as before if they declare the same.
it('all bugs compile', { tags: ['long'], timeout: 120_000 }, () => {
  const folder = temporaryFolder('planted-bugs');
  const at = (...path: string[]) => join(folder.path, ...path);
  try {
    const changed = new Map<string, string>();
    for (const { file, from, to } of BUGS.flatMap(({ edits }) => edits)) {
      const parts = (changed.get(file) ?? readFileSync(join(root, file), 'utf8')).split(from);
      expect(parts, `${from} in ${file}, after the bugs before it`).toHaveLength(2);
      changed.set(file, parts.join(to));
    }
    const files = [...changed].map(([file, text]) => {
      const owner = PACKAGES.find((name) => file.startsWith(`${name}/`)) ?? '';
      const built = join(owner, 'dist');
      if (!existsSync(at(built)))
        cpSync(join(root, built), at(built), { recursive: true, filter: (path) => !path.endsWith('.js') });
      const path = join(built, file.slice(owner.length + 1));
      writeFileSync(at(path), text);
      return path;
    });
    symlinkSync(join(root, 'node_modules'), at('node_modules'));
    writeFileSync(at('package.json'), '{"type":"module"}');
    const emit = { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: '.', outDir: 'out' };
    const compilerOptions = { ...emit, customConditions: [] };
    writeFileSync(
      at('tsconfig.json'),
      JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include: [], files }),
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder.path], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
    for (const file of files.map((path) => path.replace(/ts$/, 'd.ts')))
      expect(declared(at('out', file)), file).toBe(declared(join(root, file)));
  } finally {
    folder.dispose();
  }
});
