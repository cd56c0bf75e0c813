// The verbs that make a doorbell a service, as a user runs them: below another root, printed, refused, and removed with and without data.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { packagedFiles } from '../../../device/board/board-files.ts';
import { root } from '../../layout/source-tree.ts';
import { callCommand } from '../../support/call-command.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('service');
afterAll(() => folder.dispose());
const at = (path: string) => join(folder.path, path);
const verb = (name: string, ...more: string[]) => callCommand(['device', name, '--name', 'porch', ...more, '--json']);
const below = ['--root', folder.path];

it('install writes below a root what --print prints, and uninstall keeps the data without --with-data', {
  tags: ['long'],
}, async () => {
  for (const path of ['usr/bin/node', 'opt/doorsill/versions/1.0.0/device/cli/doorsill-device.mjs']) {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), '');
  }
  symlinkSync('versions/1.0.0', at('opt/doorsill/current'));
  const printed = (await verb('install', '--print', ...below)).last as { files: Record<string, string> };
  expect((await verb('install', ...below)).last).toMatchObject({ outcome: 'installed', folder: '/var/lib/porch' });
  expect(Object.keys(printed.files)).toContain('/etc/systemd/system/porch.service');
  for (const [path, text] of Object.entries(printed.files)) expect(readFileSync(at(path), 'utf8')).toBe(text);

  mkdirSync(at('var/lib/private/porch'), { recursive: true });
  symlinkSync('private/porch', at('var/lib/porch'));
  writeFileSync(at('var/lib/private/porch/device.key'), 'key');
  expect((await verb('uninstall', ...below)).last).toMatchObject({ outcome: 'removed', folders: [] });
  for (const path of Object.keys(printed.files)) expect(existsSync(at(path)), path).toBe(false);
  expect(existsSync(at('var/lib/porch/device.key'))).toBe(true);

  const again = await runCommand(['device', 'uninstall', '--name', 'porch', ...below]);
  expect(again.stdout).toContain(`${at('var/lib/porch')} stays`);

  expect((await verb('uninstall', ...below, '--with-data')).last).toMatchObject({ outcome: 'removed', files: [] });
  expect(existsSync(at('var/lib/private/porch'))).toBe(false);
});

it('install below a root names programs by that system’s paths, and nothing of this machine', {
  tags: ['long'],
}, async () => {
  const unit = async (...more: string[]) => {
    const { last, stderr } = await verb('install', '--print', ...below, ...more);
    return last === undefined ? JSON.parse(stderr).error : String(Object.values((last as { files: object }).files)[2]);
  };
  const found = await unit();
  expect(found).toContain('ExecStart=/usr/bin/node --max');
  expect(found).toContain(' /opt/doorsill/current/device/cli/doorsill-device.mjs run --data /var/lib/porch');
  for (const here of [process.execPath, root, folder.path]) {
    if (here !== '/usr/bin/node') expect(found).not.toContain(here);
  }

  rmSync(at('opt/doorsill/current'));
  expect(await unit()).toMatchObject({
    code: 'board_program_missing',
    message: expect.stringContaining(`doorsill below ${folder.path}`),
    advice: expect.stringContaining('--program'),
  });
  expect(await unit('--program', '/srv/doorsill/sim/cli/doorsill.mjs', '--node', '/opt/node/bin/node')).toContain(
    'ExecStart=/opt/node/bin/node --max-semi-space-size=4 /srv/doorsill/sim/cli/doorsill.mjs device',
  );
  expect(await unit('--program', 'doorsill.mjs')).toMatchObject({ code: 'usage' });
  rmSync(at('usr/bin/node'));
  expect(await unit('--program', '/srv/doorsill.mjs')).toMatchObject({
    code: 'board_program_missing',
    message: expect.stringContaining(`node below ${folder.path}`),
  });
});

it('uninstall destroys no folder without a doorbell', async () => {
  mkdirSync(at('var/lib/porch'), { recursive: true });
  writeFileSync(at('var/lib/porch/thesis.txt'), 'years of work');
  const refused = await verb('uninstall', ...below, '--with-data');
  expect(JSON.parse(refused.stderr).error).toMatchObject({
    code: 'data_folder_foreign',
    advice: expect.stringContaining('--name'),
  });
  expect(existsSync(at('var/lib/porch/thesis.txt'))).toBe(true);
});

it('writes nothing below a missing root, such as a card that is not mounted', async () => {
  for (const name of ['install', 'uninstall']) {
    const refused = await verb(name, '--root', at('card'));
    expect(JSON.parse(refused.stderr).error.message, name).toContain('does not exist; mount a card first');
  }
  expect(existsSync(at('card'))).toBe(false);
});

it('install and uninstall leave the service of the Debian package to apt', async () => {
  const board = temporaryFolder('packaged');
  try {
    const program = '/usr/lib/doorsill-device/device/cli/doorsill-device.mjs';
    const facts = { node: '/usr/bin/node', program, name: 'porch' };
    const unit = '/usr/lib/systemd/system/porch.service';
    mkdirSync(dirname(join(board.path, unit)), { recursive: true });
    writeFileSync(join(board.path, unit), packagedFiles(facts).get(unit) ?? '');
    const programs = ['--node', facts.node, '--program', facts.program];
    for (const more of [
      ['install', ...programs],
      ['uninstall', '--with-data'],
    ]) {
      const [name = '', ...rest] = more;
      const refused = await verb(name, '--root', board.path, ...rest);
      expect(JSON.parse(refused.stderr).error, name).toMatchObject({
        code: 'board_packaged',
        advice: expect.stringContaining('apt remove'),
      });
    }
    expect(existsSync(join(board.path, '/etc'))).toBe(false);
  } finally {
    board.dispose();
  }
});

it('refuses a name that is a path', async () => {
  const wrong = await callCommand(['device', 'install', '--name', '../../sim/porch', '--json']);
  expect(JSON.parse(wrong.stderr).error).toMatchObject({ code: 'usage' });
});
