// Holds: each mistake that the simulation is to find can still be planted: its place is in the sources, once.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';
import { BUGS } from './planted-bugs.ts';

it.each(BUGS)('the place of $name is there once', ({ edits }) => {
  for (const { file, from } of edits) {
    expect(readFileSync(join(root, file), 'utf8').split(from), `${from} in ${file}`).toHaveLength(2);
  }
});
