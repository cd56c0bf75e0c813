// Runs `npm run check:pi`: in the rig that DOORSILL_PI_RIG names, or else natively under a systemd of its own, where nothing counts as shown.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../layout/source-tree.ts';
import { DEVICE_PACKAGES, PackedProject } from '../sim/setup/support/packed-project.ts';
import { temporaryFolder } from '../support/command-line.ts';
import { proved } from '../support/proved.ts';

const MINUTES_MAX = 100;
const OPTIONS = ['--cards', '--updates', '--small-boards'];
const OWN = join(root, 'test/support/own-systemd.sh');

it('has a board run the commands of docs/raspberry-pi.md under systemd, and calls shown only what ran on a Pi’s processor', {
  tags: ['root', 'systemd', 'namespaces', 'mosquitto', 'ffmpeg', 'openssl', 'long'],
  timeout: MINUTES_MAX * 60_000,
}, async (test) => {
  const rig = process.env['DOORSILL_PI_RIG'];
  // A rig of another processor takes other native packages, which come from npm's registry. This machine's node needs not be Debian's, which
  // the Debian package is installed with.
  const project = rig === undefined ? await PackedProject.make(DEVICE_PACKAGES) : null;
  try {
    const more = [...OPTIONS, ...(project ? ['--installed', project.folder] : ['--package'])];
    const done = spawnSync(process.execPath, [join(root, 'test/tools/check-pi.mjs'), ...more], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, DOORSILL_PI_RIG: rig ?? OWN },
    });
    const table = done.stdout.split('== what was shown')[1] ?? '';
    expect([done.status, table.split('\n').filter((line) => line.includes('  failed'))], done.stdout).toEqual([0, []]);
    const [, shown = ''] = /^(\d+) shown, 0 failed, \d+ not shown$/m.exec(table) ?? [];
    if (project) {
      expect(shown).toBe('0');
      expect(table.match(/ {2}ran on /g)?.length).toBeGreaterThanOrEqual(15);
    } else {
      proved(test, 'Lines of a doorbell on a Raspberry Pi that an emulated one showed', shown);
    }
  } finally {
    await project?.dispose();
  }
});

it('fails where the board ends before all was tried', { tags: ['long'] }, () => {
  const folder = temporaryFolder('check-pi');
  const rig = join(folder.path, 'rig.sh');
  const said = 'PI {"by":"compiles-nothing","outcome":"passed","figure":""}';
  writeFileSync(rig, `#!/bin/sh\ngrep -q uname "$1" && exec sh "$1"\necho '${said}'\nexit 124\n`, { mode: 0o755 });
  const installed = join(folder.path, 'installed');
  mkdirSync(installed);
  const arguments_ = [join(root, 'test/tools/check-pi.mjs'), '--cards', '--installed', installed];
  const { status, stdout } = spawnSync(process.execPath, arguments_, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, DOORSILL_PI_RIG: rig },
  });
  folder.dispose();
  expect(status, stdout).toBe(1);
  expect(stdout).toMatch(/^ {2}Stopped within 5 s +failed: did not run: the board ended before$/m);
  expect(stdout).toMatch(/^ {2}Slow card .* +failed: did not run: the board ended before$/m);
  expect(stdout).toMatch(/ only with --plugs/m);
});
