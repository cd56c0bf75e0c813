// Holds: what is said about a mutant that no unit test finds (test/survivors.json) is about a line that is still there, once for each.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { root } from './source-tree.ts';

const survivors = z
  .array(
    z.strictObject({
      file: z.string(),
      /** The line, without the space around it. */
      line: z.string(),
      /** The part of the line that is replaced, and by what; `*` stands for anything. */
      was: z.string(),
      now: z.string(),
      why: z.string().min(20),
    }),
  )
  .parse(JSON.parse(readFileSync(join(root, 'test/survivors.json'), 'utf8')));

it('names lines that are there', () => {
  const gone = survivors.filter(({ file, line, was }) => {
    const lines = readFileSync(join(root, file), 'utf8').split('\n');
    return !line.includes(was) || !lines.some((one) => one.trim() === line);
  });
  expect(gone.map(({ file, line }) => `${file}: ${line}`)).toEqual([]);
});

it('says one thing about each', () => {
  const names = survivors.map(({ file, line, was, now }) => [file, line, was, now].join('\n'));
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});
