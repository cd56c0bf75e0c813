import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';

/** Runs the check in a process that takes itself for another one. */
function check(facts: string): unknown {
  const other = `data:text/javascript,${encodeURIComponent(facts)}`;
  const args = ['--import', other, join(root, 'device/base/check-node.mjs')];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return [status, stderr];
}

it('refuses Windows and an old Node, and says what to do', () => {
  expect(check('')).toEqual([0, '']);
  expect(check("Object.defineProperty(process, 'platform', { value: 'win32' })")).toEqual([
    5,
    expect.stringMatching(/^doorsill: Windows .* run it in WSL 2 or a container\n$/),
  ]);
  const old = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.9' } })";
  expect(check(old)).toEqual([
    5,
    'doorsill: this is Node 20.18.9; install 20.19 or newer, and run the command again\n',
  ]);
});
