// Programs of ours with a file that is missing or cut off: one line that says what to do, and no trace.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCommandLine } from '../../../device/cli/command-line.ts';
import { BOARD } from '../../../device/cli/surroundings.ts';
import { root } from '../../layout/source-tree.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const { path: folder } = temporaryFolder('damaged');

describe.each(['sim/cli/doorsill.mjs', 'device/cli/doorsill-device.mjs'])('%s', (launcher) => {
  const told = [5, expect.stringMatching(/^doorsill: a program is damaged.*install it again\n$/)];

  /** Runs it as installed, with these files beside it. */
  function run(files: Readonly<Record<string, string>>): unknown {
    const installed = join(folder, launcher.replaceAll('/', '-'), String(Object.keys(files)));
    const check = 'node_modules/@doorsill/base';
    const whole = {
      'package.json': '{"type":"module"}',
      [`${check}/package.json`]: '{"exports":{"./check-node":"./a.mjs"}}',
    };
    for (const [path, text] of Object.entries({ ...whole, [`${check}/a.mjs`]: '', ...files })) {
      mkdirSync(join(installed, path, '..'), { recursive: true });
      writeFileSync(join(installed, path), text);
    }
    mkdirSync(join(installed, 'cli'));
    copyFileSync(join(root, launcher), join(installed, 'cli/run.mjs'));
    const { status, stderr } = spawnSync(process.execPath, [join(installed, 'cli/run.mjs')], { encoding: 'utf8' });
    return [status, stderr];
  }

  it('runs what is whole', () => expect(run({ 'dist/cli/entry.js': '' })).toEqual([0, '']));
  it('tells that its entry point is missing', () => expect(run({})).toEqual(told));
  it('tells that a module is cut off', () =>
    expect(run({ 'dist/cli/entry.js': "import './main.js'", 'dist/cli/main.js': 'export function' })).toEqual(told));
  it('tells that its package.json is empty', () =>
    expect(run({ 'package.json': '', 'dist/cli/entry.js': '' })).toEqual(told));
});

describe('damage', () => {
  const built = JSON.stringify(join(root, 'device/base/dist/damaged-program.js'));

  /** Whether what a module throws when it is loaded is damage; in a process of its own, because a test's runner loads modules itself. */
  function isDamaged(name: string, text: string | null): string {
    const module = join(folder, name);
    if (text !== null) writeFileSync(module, text);
    const load = `import(${JSON.stringify(module)}).catch((thrown) => console.log(isDamage(thrown)))`;
    const code = `import { isDamage } from ${built}; await ${load}`;
    return spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }).stdout;
  }

  it.each([
    ['missing', 'missing.mjs', null],
    ['cut off', 'cut.mjs', 'export function door() { return 1'],
    ['of CommonJS and cut off', 'cut.cjs', 'module.exports = {'],
    ['native and empty', 'native.cjs', "require('./empty.node')"],
  ])('is a file that is %s', (_what, name, text) => {
    writeFileSync(join(folder, 'empty.node'), '');
    expect(isDamaged(name, text)).toBe('true\n');
  });

  it('is no fault of what a program reads', () => {
    expect(isDamaged('reads.mjs', "JSON.parse('{')")).toBe('false\n');
    expect(isDamaged('fails.mjs', "throw new Error('the door')")).toBe('false\n');
  });

  it('is left to the launcher by a command whose verb cannot be loaded', async () => {
    const missing = Object.assign(new Error('no such module'), { code: 'ERR_MODULE_NOT_FOUND' });
    const load = () => Promise.reject(missing);
    const line = {
      name: 'door',
      about: 'A door.',
      verbs: { Door: { ring: { about: 'Ring.', load } } },
      tried: {},
      toBegin: '',
    };
    await expect(runCommandLine({ ...line, around: BOARD }, ['node', 'door', 'ring'])).rejects.toBe(missing);
  });
});
