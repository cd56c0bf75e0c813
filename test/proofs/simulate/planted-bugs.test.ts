// The place of each bug that the simulation must find exists once in the sources.
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
