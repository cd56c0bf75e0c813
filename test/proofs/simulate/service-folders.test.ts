import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';
import { ServiceFolders } from './service-folders.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'doorsill-folders-'));
});
afterEach(() => rmSync(base, { recursive: true }));

it('gives each run the stored rows, and nothing of the run before', () => {
  const folders = new ServiceFolders(base);
  const inLive = (name: string) => join(folders.live, 'vault', name);
  writeFileSync(inLive('vault.sqlite'), 'prepared');
  writeFileSync(inLive('other'), 'not a database');
  folders.keep();
  writeFileSync(inLive('vault.sqlite'), 'changed');
  folders.restore();
  expect(readdirSync(dirname(inLive('vault.sqlite')))).toEqual(['vault.sqlite']);
  expect(readFileSync(inLive('vault.sqlite'), 'utf8')).toBe('prepared');
  folders.dispose();
  expect(readdirSync(base)).toEqual([]);
});

/** The id of a process that was killed, as in its lock. */
async function killed(): Promise<string> {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
  await once(child, 'spawn');
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  child.kill('SIGKILL');
  await once(child, 'exit');
  return `${child.pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
}

it('removes folders of killed processes only', async () => {
  const living = new ServiceFolders(base);
  const [ours = ''] = readdirSync(base);
  const left = ours.replace(/-[^-]*$/, '-killed');
  mkdirSync(join(base, left, 'live', 'vault'), { recursive: true });
  writeFileSync(join(base, left, 'live', 'vault', 'vault.sqlite'), 'rows');
  symlinkSync(await killed(), join(base, left, 'process.lock'));
  // Left by a process that was killed before it had locked its folder.
  mkdirSync(join(base, ours.replace(/-[^-]*$/, '-empty')));
  const strange = ['doorsill-simulate-1-other-space', 'doorsill-prove-1', 'else'];
  for (const name of strange) mkdirSync(join(base, name));
  const folders = new ServiceFolders(base);
  const names = readdirSync(base);
  expect(names).toHaveLength(strange.length + 2);
  expect(names).toEqual(expect.arrayContaining([ours, ...strange]));
  folders.dispose();
  living.dispose();
});

const MAKER = `
import { existsSync } from 'node:fs';
import { ServiceFolders } from ${JSON.stringify(join(root, 'test/proofs/dist/simulate/service-folders.js'))};
for (let made = 0; made < 300; made += 1) {
  const folders = new ServiceFolders(process.argv[1]);
  if (!existsSync(folders.live)) throw new Error('a folder was taken away from its maker');
  folders.dispose();
}`;

it('can be created by several processes, each of which removes leftovers', {
  tags: ['long'],
  timeout: 120_000,
}, async () => {
  // Left by a process that was killed while it removed its own.
  const folders = new ServiceFolders(base);
  const [pid] = (await killed()).split(' ');
  mkdirSync(join(base, `leaving-${readdirSync(base)[0]}-${pid}`, 'live'), { recursive: true });
  folders.dispose();
  const makers = Array.from({ length: 4 }, () =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', MAKER, base]),
  );
  await Promise.all(makers);
  expect(readdirSync(base)).toEqual([]);
});

it('is removed when its process ends in any way', () => {
  const before = process.listeners('exit');
  const folders = new ServiceFolders(base);
  const [leave] = process.listeners('exit').filter((one) => !before.includes(one));
  expect(readdirSync(base)).toHaveLength(1);
  leave?.(0);
  expect(readdirSync(base)).toEqual([]);
  folders.dispose();
  expect(process.listeners('exit')).toEqual(before);
});
