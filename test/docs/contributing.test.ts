// CONTRIBUTING.md names the Debian packages that .ci/run installs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../layout/source-tree.ts';
import needs from '../needs.json' with { type: 'json' };
import { blockIn } from './support/page.ts';

it('names every package that a check needs, and no other', () => {
  const [, always = ''] =
    /^packages=\((.*) "\$\{needed\[@\]\}"\)$/m.exec(readFileSync(join(root, '.ci/run'), 'utf8')) ?? [];
  const needed = Object.values(needs).flatMap((need) => ('packages' in need ? need.packages : []));
  const named = blockIn('CONTRIBUTING.md', '## What the checks need', 'text').trim().split(/\s+/);
  expect(always).not.toBe('');
  expect(named).toEqual([...new Set([...always.split(' '), ...needed])].toSorted());
});
