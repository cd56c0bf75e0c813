import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { faultTableMarkdown } from '../../../sim/camera-server/fault-table.ts';
import { root } from '../../layout/source-tree.ts';

it('is the table in the README; `--update` writes it', async () => {
  const path = join(root, 'sim/camera-server/README.md');
  const readme = readFileSync(path, 'utf8');
  const printed = /(\| Fault \|.*\n)(\|.*\n)+/.exec(readme)?.[0] ?? '';
  expect(printed).not.toBe('');
  await expect(readme.replace(printed, () => `${faultTableMarkdown()}\n`)).toMatchFileSnapshot(path);
});
