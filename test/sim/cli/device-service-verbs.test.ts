// The verbs that make a doorbell a service, as a user runs them: below another root, printed, refused, and removed with and without data.
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('service');
afterAll(() => folder.dispose());
const at = (path: string) => join(folder.path, path);
const verb = (name: string, ...more: string[]) => runCommand(['device', name, '--name', 'porch', ...more, '--json']);
const below = ['--root', folder.path];

it('install writes below a root what --print prints, and uninstall keeps the data unless told otherwise', {
  tags: ['long'],
}, async () => {
  const printed = (await verb('install', '--print')).last as { files: Record<string, string> };
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

it('uninstall destroys no folder that holds no doorbell', async () => {
  mkdirSync(at('var/lib/porch'), { recursive: true });
  writeFileSync(at('var/lib/porch/thesis.txt'), 'years of work');
  const refused = await verb('uninstall', ...below, '--with-data');
  expect(JSON.parse(refused.stderr).error).toMatchObject({ code: 'data_folder_foreign' });
  expect(existsSync(at('var/lib/porch/thesis.txt'))).toBe(true);
});

it('writes nothing below a root that is not there, such as a card that is not mounted', async () => {
  for (const name of ['install', 'uninstall']) {
    const refused = await verb(name, '--root', at('card'));
    expect(JSON.parse(refused.stderr).error.message, name).toContain('is not there, so no system is');
  }
  expect(existsSync(at('card'))).toBe(false);
});

it('refuses a name that is a path', async () => {
  const wrong = await runCommand(['device', 'install', '--name', '../porch', '--json']);
  expect(JSON.parse(wrong.stderr).error).toMatchObject({ code: 'usage' });
});
