// An install's files are valid for systemd and udev; writing them again, over changed or foreign files, does the right thing.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import {
  boardFiles,
  expectNotPackaged,
  packagedFiles,
  removeBoardFiles,
  unitFrom,
  writeBoardFiles,
} from '../../../device/board/board-files.ts';
import { PACKAGED_LAUNCHER } from '../../../device/board/device-unit.ts';
import { launcherPath } from '../../../device/board/launcher-path.ts';
import { SUBSYSTEMS } from '../../../device/board/system-service.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const disk = new SystemDisk();
const spec = { node: process.execPath, program: launcherPath(), name: 'porch', hardwareWatchdog: false };
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('board');
});
afterEach(() => folder.dispose());
const at = (path: string) => join(folder.path, path);
const UNIT = '/etc/systemd/system/porch.service';
const WATCHDOG = '/etc/systemd/system.conf.d/50-porch-watchdog.conf';

const write = async (changes: Partial<typeof spec> = {}) =>
  Object.fromEntries(await writeBoardFiles(disk, folder.path, { ...spec, ...changes }));
const filesLeft = () =>
  readdirSync(folder.path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;

it('are written, left alone when nothing changed, and replaced when something did', async () => {
  expect(new Set(Object.values(await write()))).toEqual(new Set(['installed']));
  expect(new Set(Object.values(await write()))).toEqual(new Set(['unchanged']));
  const unit = readFileSync(at(UNIT), 'utf8');
  writeFileSync(at(UNIT), unit.replace('WatchdogSec=60', 'WatchdogSec=1'));
  expect(await write()).toMatchObject({ [at(UNIT)]: 'replaced' });
  expect(readFileSync(at(UNIT), 'utf8')).toBe(unit);
  expect(unit).toContain('device --data /var/lib/porch');
});

it('let the last healthy version roll back an interrupted update, where the programs are a release', async () => {
  await write();
  expect(readFileSync(at(UNIT), 'utf8')).not.toContain('ExecStartPre');
  await write({ program: '/opt/doorsill/current/device/cli/doorsill-device.mjs' });
  const unit = readFileSync(at(UNIT), 'utf8').split('\n');
  const settles = `ExecStartPre=-+${process.execPath} /opt/doorsill/keeper/device/cli/doorsill-device.mjs update --settle --programs /opt/doorsill`;
  expect(unit[unit.indexOf(settles) + 1]).toMatch(
    /^ExecStart=.* \/opt\/doorsill\/current\/device\/cli\/doorsill-device\.mjs run --data /,
  );
});

it('hold a hardware watchdog only while it is wanted', async () => {
  await write();
  expect(existsSync(at(WATCHDOG))).toBe(false);
  expect(await write({ hardwareWatchdog: true })).toMatchObject({ [at(WATCHDOG)]: 'installed' });
  expect(readFileSync(at(WATCHDOG), 'utf8')).toContain('RuntimeWatchdogSec=15s');
  expect(await write()).toMatchObject({ [at(WATCHDOG)]: 'removed' });
  expect(existsSync(at(WATCHDOG))).toBe(false);
});

it('are all removed, and no foreign file with them', async () => {
  await write({ hardwareWatchdog: true });
  writeFileSync(at('/etc/systemd/system/other.service'), '[Unit]\n');
  expect(await removeBoardFiles(disk, folder.path, 'porch')).toHaveLength(4);
  expect(filesLeft()).toBe(1);
  expect(await removeBoardFiles(disk, folder.path, 'porch')).toEqual([]);
});

it('replace no foreign file, and leave it there', async () => {
  mkdirSync(dirname(at(UNIT)), { recursive: true });
  writeFileSync(at(UNIT), '[Unit]\nDescription=a porch light\n');
  await expect(write()).rejects.toMatchObject({ code: 'board_file_foreign' });
  expect(filesLeft()).toBe(1);
  expect(await removeBoardFiles(disk, folder.path, 'porch')).toEqual([]);
  expect(readFileSync(at(UNIT), 'utf8')).toContain('porch light');
});

it('replace the unit that an earlier version wrote', async () => {
  mkdirSync(dirname(at(UNIT)), { recursive: true });
  writeFileSync(
    at(UNIT),
    '# Written by `doorsill device install`, which replaces it. Put changes of your own into\n[Unit]\n',
  );
  expect(await write()).toMatchObject({ [at(UNIT)]: 'replaced' });
});

it('are the same in the Debian package, whose unit an install’s unit hides', async () => {
  const facts = { ...spec, program: PACKAGED_LAUNCHER };
  const packaged = packagedFiles(facts);
  const bodies = (files: Map<string, string>) =>
    [...files.values()].map((text) => text.slice(text.indexOf('\n'))).sort();
  expect(bodies(packaged)).toEqual(bodies(boardFiles(facts)));
  expect(await unitFrom(disk, folder.path, 'porch')).toBe(null);
  for (const [path, text] of packaged) {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text);
  }
  expect(await unitFrom(disk, folder.path, 'porch')).toBe('package');
  await expect(expectNotPackaged(disk, folder.path, 'porch')).rejects.toMatchObject({ code: 'board_packaged' });
  await expectNotPackaged(disk, folder.path, 'garage');
  await write();
  expect(await unitFrom(disk, folder.path, 'porch')).toBe('install');
  await expectNotPackaged(disk, folder.path, 'porch');
});

it('leave out a start without settings in the Debian package alone', () => {
  const condition = /^ConditionPathExists=\/var\/lib\/porch\/device\.json$/m;
  expect(boardFiles({ ...spec, program: PACKAGED_LAUNCHER }).get(UNIT)).toMatch(condition);
  expect(boardFiles(spec).get(UNIT)).not.toContain('ConditionPathExists');
});

it('give advice where they cannot be written', async () => {
  await expect(writeBoardFiles(disk, '/proc', spec)).rejects.toMatchObject({ code: 'file_unusable' });
});

it('start the service before the network and the time are available', () => {
  expect(boardFiles(spec).get(UNIT)).not.toMatch(/^(Wants|After|Requires)=/m);
});

it('let the doorbell go on when the kernel has killed its ffmpeg for lack of memory', () => {
  expect(boardFiles(spec).get(UNIT)).toMatch(/^OOMPolicy=continue$/m);
});

it('let the service ask the kernel for the board’s addresses', () => {
  expect(boardFiles(spec).get(UNIT)).toMatch(/^RestrictAddressFamilies=AF_NETLINK$/m);
});

it('are judged at 2.0 or below by systemd-analyze, and valid', { tags: ['systemd'] }, async (test) => {
  await write({ hardwareWatchdog: true });
  chmodSync(at(UNIT), 0o644);
  const text = execFileSync('systemd-analyze', ['security', '--offline=true', '--no-pager', at(UNIT)], {
    encoding: 'utf8',
  });
  const exposure = Number(/Overall exposure level for porch\.service: ([\d.]+)/.exec(text)?.[1]);
  expect(exposure).toBeLessThanOrEqual(2.0);
  const verified = spawnSync('systemd-analyze', ['verify', at(UNIT)], { encoding: 'utf8' });
  expect([verified.status, verified.stderr]).toEqual([0, '']);
  const groups = spawnSync('systemd-sysusers', ['--dry-run', at('/etc/sysusers.d/porch.conf')], { encoding: 'utf8' });
  expect([groups.status, groups.stderr.replaceAll(/^(Would|Creating) .*\n/gm, '')]).toEqual([0, '']);
  proved(test, 'Exposure of the systemd unit by systemd-analyze security, at most 2.0', String(exposure));
});

it('have rules that udev accepts', { tags: ['udev'] }, async () => {
  await write();
  const judged = spawnSync('udevadm', ['verify', '--resolve-names=never', at('/etc/udev/rules.d/70-porch.rules')], {
    encoding: 'utf8',
  });
  expect([judged.status, judged.stderr]).toEqual([0, '']);
});

it('have rules only for devices to which an install applies them again', async () => {
  await write();
  const rules = readFileSync(at('/etc/udev/rules.d/70-porch.rules'), 'utf8');
  const named = [...rules.matchAll(/SUBSYSTEM=="(\w+)"/g)].map(([, subsystem]) => subsystem);
  expect(named).toContain('leds');
  expect(named.filter((subsystem) => !SUBSYSTEMS.some((each) => each === subsystem))).toEqual([]);
});
