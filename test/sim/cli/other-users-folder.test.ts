// Commands write no secret into a folder or file that another user of the machine prepared.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callCommand } from '../../support/call-command.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const NOBODY = 65_534;
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('others');
});
afterEach(() => folder.dispose());
const at = (...names: string[]) => join(folder.path, ...names);
const errorOf = ({ stderr }: { stderr: string }): unknown => JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error;

/** What an account at a broker needs. */
function passwordFile(mode = 0o600): string[] {
  writeFileSync(at('password'), 'swordfish\n');
  chmodSync(at('password'), mode);
  return ['--user', 'porch', '--password-file', at('password')];
}

const laid = ['.device.key.tmp', '.device.json.tmp', 'device.key'];

describe('a folder that another user laid out', { tags: ['long'] }, () => {
  const lay = (mode: number) => {
    mkdirSync(at('porch'));
    for (const name of laid) writeFileSync(at('porch', name), '', { mode: 0o666 });
    for (const name of laid) chmodSync(at('porch', name), 0o666);
    chmodSync(at('porch'), mode);
  };
  const untouched = () => {
    expect(readdirSync(at('porch')).sort()).toEqual([...laid].sort());
    for (const name of laid) expect(lstatSync(at('porch', name)).size).toBe(0);
  };

  it.each([
    ['device', 'init', '--data'],
    ['up', '--data'],
    ['bridge', '--data'],
    ['bridge', 'broker', '--data'],
    ['bridge', 'registry', '--data'],
    ['device', '--data'],
  ])('gets nothing of `%s %s` if everybody may write to it', async (...words) => {
    lay(0o777);
    const verb = words.filter((word) => word !== undefined);
    const more = verb[1] === 'init' ? passwordFile() : [];
    const done = await callCommand([...verb, at('porch'), ...more, '--json']);
    // A testbed refuses a folder with other files first.
    expect(errorOf(done)).toMatchObject({ code: expect.stringMatching(/^data_folder_(exposed|foreign)$/) });
    untouched();
  });

  it('gets no identity and no password of root’s', { tags: ['root'] }, async () => {
    lay(0o755);
    spawnSync('chown', ['-R', String(NOBODY), at('porch')]);
    const done = await callCommand(['device', 'init', '--data', at('porch'), ...passwordFile(), '--json']);
    expect(done.status).toBe(5);
    expect(errorOf(done)).toMatchObject({
      code: 'data_folder_exposed',
      message: expect.stringContaining(`${at('porch')} belongs to user ${NOBODY}`),
      advice: expect.stringContaining(`chown -hR 0 ${at('porch')}`),
    });
    untouched();
  });

  it('gets no keys of a testbed that is started below it', async () => {
    mkdirSync(at('shared'));
    chmodSync(at('shared'), 0o777);
    const done = await callCommand(['up', '--data', at('shared', 'testbed'), '--json']);
    expect([done.status, errorOf(done)]).toMatchObject([5, { code: 'data_folder_exposed' }]);
    expect(readdirSync(at('shared'))).toEqual([]);
  });
});

describe('a password', { tags: ['long'] }, () => {
  it.each([0o644, 0o640, 0o622])('in a file that others can read or write is refused (mode %o)', async (mode) => {
    const done = await callCommand(['device', 'init', '--data', at('porch'), ...passwordFile(mode), '--json']);
    expect([done.status, errorOf(done)]).toMatchObject([
      5,
      { code: 'secret_file_exposed', advice: expect.stringContaining(`chmod 600 ${at('password')}`) },
    ]);
    expect(JSON.stringify(done)).not.toContain('swordfish');
  });

  it('in a file of another user is refused, except of the user who called sudo', { tags: ['root'] }, async () => {
    const words = ['device', 'init', '--data', at('porch'), ...passwordFile(), '--json'];
    chownSync(at('password'), NOBODY, NOBODY);
    expect(errorOf(await callCommand(words))).toMatchObject({ code: 'secret_file_exposed' });
    const done = await callCommand(words, { environment: { SUDO_UID: String(NOBODY) } });
    expect([done.status, done.stderr]).toEqual([0, '']);
    expect(readFileSync(at('porch', 'device.json'), 'utf8')).toContain('swordfish');
    expect(readdirSync(at('porch')).sort()).toEqual(['device.json', 'device.key']);
  });
});

describe('a file that others can read', { tags: ['long'] }, () => {
  const file = () => at('out');
  it.each([
    ['audit', 'access', '--admin', '--csv', '--out'],
    ['audit', 'queries', 'export.csv', '--html'],
    ['audit', 'queries', 'export.csv', '--flags'],
    ['bridge', 'dispute', 'clip-1', '--reason', 'why', '--out'],
    ['search-party', 'still', 'search-1', '--out'],
    ['prove', '--out'],
  ])('gets nothing of `%s %s`', async (...words) => {
    writeFileSync(file(), 'theirs', { mode: 0o644 });
    writeFileSync(at('export.csv'), 'agency,time,plate,reason\n', { mode: 0o600 });
    const named = words.map((word) => (word === 'export.csv' ? at(word) : word));
    const done = await callCommand([...named, file(), '--json']);
    expect([done.status, errorOf(done)]).toMatchObject([2, { code: 'output_taken' }]);
    expect([readFileSync(file(), 'utf8'), readdirSync(folder.path).length]).toEqual(['theirs', 2]);
  });
});
