// What `npm run check:pi` says where nobody names a rig: that there is none, and that nothing is shown.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../layout/source-tree.ts';

it('shows nothing without a rig, and says how to name one', () => {
  const environment = { ...process.env };
  delete environment['DOORSILL_PI_RIG'];
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'test/tools/check-pi.mjs')], {
    encoding: 'utf8',
    env: environment,
  });
  expect(status).toBe(5);
  expect(stdout).toContain('DOORSILL_PI_RIG names none');
  expect(stdout).toMatch(/Full card: .* only with --cards$/m);
  expect(stdout).toMatch(/^0 shown, 0 failed, \d+ not shown$/m);
});

it('takes a number of pulled plugs, and nothing else', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'test/tools/check-pi.mjs'), '--plugs', 'many'], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([2, '--plugs takes a number from 1 to 999, not many\n']);
});
