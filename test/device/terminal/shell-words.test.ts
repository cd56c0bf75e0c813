import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { asCalled, calledAs } from '../../../device/terminal/shell-words.ts';

const folder = mkdtempSync(join(tmpdir(), 'doorsill-called-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (path: string, text = '') => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
  return join(folder, path);
};
const link = (path: string, to: string) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  symlinkSync(to, join(folder, path));
  return join(folder, path);
};

const PACKAGE = JSON.stringify({ name: 'doorsill', bin: { doorsill: 'sim/cli/doorsill.mjs' } });
const program = file('checkout/sim/cli/doorsill.mjs');
file('checkout/package.json', PACKAGE);
file('copy/sim/cli/doorsill.mjs');
file('copy/package.json', PACKAGE);
const installed = link('project/node_modules/.bin/doorsill', program);
mkdirSync(join(folder, 'project/below'));
file('other/package.json', '{"name": "other"}');
file('broken/package.json', '{');
const named = link('bin/doorsill', program);
file('strangers/doorsill');

interface Call {
  program: string;
  cwd: string;
  path?: string;
  rootPath?: string;
  user?: string;
}

it.each<[string, string, Call]>([
  ['in its checkout', 'npx doorsill', { program, cwd: 'checkout' }],
  ['below its checkout', 'npx doorsill', { program, cwd: 'checkout/sim' }],
  ['in a project that has it', 'npx doorsill', { program: installed, cwd: 'project' }],
  ['below a project that has it', 'npx doorsill', { program: installed, cwd: 'project/below' }],
  ['where nothing is, by its name', 'doorsill', { program: named, cwd: '.', path: 'empty:bin' }],
  ['where nothing is, by its file', `node ${program}`, { program, cwd: '.' }],
  ['in another project', `node ${program}`, { program, cwd: 'other' }],
  ['in another copy', `node ${program}`, { program, cwd: 'copy' }],
  ['where a manifest cannot be read', `node ${program}`, { program, cwd: 'broken' }],
  ['beside a stranger of that name', `node ${program}`, { program, cwd: '.', path: 'strangers' }],
  ['as root, by its name', 'sudo doorsill', { program: named, cwd: 'checkout', rootPath: 'bin', user: 'alex' }],
  ['as root, by its file', `sudo node ${program}`, { program, cwd: 'checkout', path: 'bin', user: 'alex' }],
  [
    'from npx, which adds itself to the path',
    `node ${program}`,
    { program: installed, cwd: '.', path: 'project/node_modules/.bin' },
  ],
])('is called again %s', (_where, words, { program, cwd, path, rootPath = '', user }: Call) => {
  const folders = path?.split(':').map((each) => join(folder, each));
  const env = { ...(folders ? { PATH: folders.join(':') } : {}), ...(user ? { SUDO_USER: user } : {}) };
  const around = { program, cwd: join(folder, cwd), env, rootPath: [join(folder, rootPath)] };
  expect(calledAs(around)).toBe(words);
});

it('is called again as the environment says, as in a container', () => {
  const env = { DOORSILL_CALLED_AS: 'docker exec doorsill doorsill', SUDO_USER: 'alex' };
  expect(calledAs({ program, cwd: join(folder, 'checkout'), env })).toBe('docker exec doorsill doorsill');
});

it('has its examples call the program as it was called, and changes nothing else', () => {
  const [plain, root] = [calledAs(), calledAs({ isRoot: true })];
  expect(root).toMatch(/^sudo (?!npx)/);
  const text =
    'Usage: doorsill up\n\nExamples:\n  $ doorsill up\n  $ sudo doorsill device install\n  $ doorsill bridge enrol | doorsill device --enrol -\n  $ cat /etc/doorsill x/doorsill up\n';
  expect(asCalled(text)).toBe(
    `Usage: doorsill up\n\nExamples:\n  $ ${plain} up\n  $ ${root} device install\n  $ ${plain} bridge enrol | ${plain} device --enrol -\n  $ cat /etc/doorsill x/doorsill up\n`,
  );
});
