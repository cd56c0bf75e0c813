// The place of each bug that the simulation must find exists once in the sources, and the compiler takes all of them: what finds them
// (planted-bugs.slow.test.ts) takes ten minutes, and a bug that does not compile would be noticed only there.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { copyCheckout } from '../../support/copy-checkout.ts';
import { BUGS } from './planted-bugs.ts';

it.each(BUGS)('the place of $name is there once', ({ edits }) => {
  for (const { file, from } of edits) {
    expect(readFileSync(join(root, file), 'utf8').split(from), `${from} in ${file}`).toHaveLength(2);
  }
});

it('all bugs compile', { tags: ['long'], timeout: 120_000 }, () => {
  const folder = temporaryFolder('planted-bugs');
  try {
    copyCheckout(root, folder.path);
    for (const { file, from, to } of BUGS.flatMap(({ edits }) => edits)) {
      const path = join(folder.path, file);
      const parts = readFileSync(path, 'utf8').split(from);
      expect(parts, `${from} in ${file}, after the bugs before it`).toHaveLength(2);
      writeFileSync(path, parts.join(to));
    }
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-b', 'sim', 'test/proofs'], {
      cwd: folder.path,
      encoding: 'utf8',
    });
    expect([status, stdout]).toEqual([0, '']);
  } finally {
    folder.dispose();
  }
});
