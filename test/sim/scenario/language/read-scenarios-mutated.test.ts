// Reading any mutated scenario returns scenarios or faults with a position; it never throws.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isErrorCode } from '../../../../sim/errors.ts';
import { root } from '../../../layout/source-tree.ts';
import { read } from './support/scenario-files.ts';

const README = readFileSync(join(root, 'sim/scenario/language/README.md'), 'utf8');
const EXAMPLE = /```yaml\n([^`]*)```/.exec(README)?.[1] ?? '';
const FILES = { 'porch.mp4': 'x' };

it('reads the example of the README', async () => {
  const { scenarios, faults } = await read(EXAMPLE, FILES);
  expect(faults).toEqual([]);
  expect(scenarios[0]?.steps).toHaveLength(3);
});

const piece = fc.oneof(
  fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ': ',
    '- ',
    '\n',
    '  ',
    '&a ',
    '*a',
    '!!str ',
    '"',
    "'",
    '|\n',
    '#',
    '---\n',
    `\${x}`,
    '..',
    '\t',
  ),
  fc.constantFrom(
    'at',
    'after',
    'grant',
    'clip',
    'true',
    'null',
    '-1s',
    '1e999',
    '__proto__',
    'constructor',
    '\u2028',
    '\0',
  ),
  fc.string({ maxLength: 6 }),
);
const mutation = fc.record({ at: fc.nat(EXAMPLE.length), cut: fc.nat(12), piece });

it('never throws for a mutated text', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
      const text = mutations.reduce(
        (now, { at, cut, piece }) => now.slice(0, at) + piece + now.slice(at + cut),
        EXAMPLE,
      );
      const { scenarios, faults } = await read(text, FILES);
      expect(scenarios.length + faults.length).toBeGreaterThan(0);
      const lines = text.split('\n').length;
      for (const { code, line, column, message, file } of faults) {
        expect(isErrorCode(code)).toBe(true);
        expect(line).toBeGreaterThan(0);
        expect(line).toBeLessThanOrEqual(lines);
        expect(column).toBeGreaterThan(0);
        expect(message.startsWith(`${file}:${line}:${column}: `)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});
