// Holds the package's first entry to what a user needs: each name is exported on purpose.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as api from '../../../device/npm-exports.ts';
import { root } from '../../layout/source-tree.ts';

it('exports fewer than a hundred names, each by itself', () => {
  const text = readFileSync(join(root, 'device/npm-exports.ts'), 'utf8');
  const names = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) => list.split(','));
  expect(text).not.toMatch(/export \*/);
  expect(names.length).toBeGreaterThan(Object.keys(api).length);
  expect(names.length).toBeLessThan(100);
});
