// Holds the systemd unit to Debian's own judgement, and its writing to a second run, a changed file and a missing right.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const folder = temporaryFolder('unit');
const unit = join(folder.path, 'porch.service');
afterAll(() => folder.dispose());

const install = (...more: string[]) =>
  runCommand(['device', 'install', '--name', 'porch', '--unit-dir', folder.path, '--json', ...more]);

const uninstall = () => runCommand(['device', 'uninstall', '--name', 'porch', '--unit-dir', folder.path, '--json']);

it('is written, left alone when nothing changed, replaced when something did, and removed', {
  tags: ['long'],
}, async () => {
  expect((await install()).last).toMatchObject({ outcome: 'installed', unit });
  const written = readFileSync(unit, 'utf8');
  expect((await install()).last).toMatchObject({ outcome: 'unchanged' });
  writeFileSync(unit, written.replace('WatchdogSec=60', 'WatchdogSec=1'));
  expect((await install()).last).toMatchObject({ outcome: 'replaced' });
  expect(readFileSync(unit, 'utf8')).toBe(written);
  expect(written).toContain('device --data /var/lib/porch');
  expect((await uninstall()).last).toMatchObject({ outcome: 'removed' });
  expect(existsSync(unit)).toBe(false);
  expect((await uninstall()).last).toMatchObject({ outcome: 'absent' });
});

it('says what to do where it cannot be written', async () => {
  const done = await runCommand(['device', 'install', '--unit-dir', '/proc', '--json']);
  expect(done.status).toBe(5);
  expect(JSON.parse(done.stderr).error).toMatchObject({ code: 'file_unusable' });
  const wrong = await runCommand(['device', 'install', '--name', '../porch', '--json']);
  expect(JSON.parse(wrong.stderr).error).toMatchObject({ code: 'usage' });
});

it('is judged at 3.0 or below by systemd-analyze, and valid', { tags: ['systemd'] }, async (test) => {
  await install();
  chmodSync(unit, 0o644);
  const text = execFileSync('systemd-analyze', ['security', '--offline=true', '--no-pager', unit], {
    encoding: 'utf8',
  });
  const exposure = Number(/Overall exposure level for porch\.service: ([\d.]+)/.exec(text)?.[1]);
  expect(exposure).toBeLessThanOrEqual(3.0);
  const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
  expect([verified.status, verified.stderr]).toEqual([0, '']);
  proved(test, 'Exposure of the systemd unit by systemd-analyze security, at most 3.0', String(exposure));
});
