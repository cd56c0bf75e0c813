// Holds: paths that other users could read, change or exchange are refused: folders, links on the way to them, secret files.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { expectPrivateFolder, readSecretFile } from '../../../device/base/private-paths.ts';
import { temporaryFolder } from '../../support/command-line.ts';

/** An account that owns nothing here. */
const NOBODY = 65_534;
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('private');
});
afterEach(() => folder.dispose());
const at = (...names: string[]) => join(folder.path, ...names);
const exposed = (code: string, what: string, command: string) =>
  expect.objectContaining({
    code,
    message: expect.stringContaining(what),
    advice: expect.stringContaining(`\`${command}`),
  });

describe('a folder', () => {
  const refused = (path: string, what: string, command: string) =>
    expect(() => expectPrivateFolder(path)).toThrow(exposed('data_folder_exposed', what, command));

  it('may have any permissions that let nobody else write, and may be in a folder like /tmp', () => {
    for (const mode of [0o700, 0o750, 0o755]) {
      chmodSync(folder.path, mode);
      expectPrivateFolder(folder.path);
    }
    expectPrivateFolder(at('not', 'there', 'yet'));
  });

  it('may be writable for a group whose only member is its user, as home folders are on some systems', {
    tags: ['root'],
  }, () => {
    chmodSync(folder.path, 0o770);
    expectPrivateFolder(folder.path);
    chownSync(folder.path, 0, NOBODY);
    refused(folder.path, `other users may write to ${folder.path}`, `chmod go-w ${folder.path}`);
  });

  it('must not be writable for others, even if they could not rename its files', () => {
    for (const mode of [0o777, 0o1777, 0o702]) {
      chmodSync(folder.path, mode);
      refused(folder.path, `other users may write to ${folder.path}`, `chmod go-w ${folder.path}`);
    }
  });

  it('must not be in a folder where others could rename it', () => {
    mkdirSync(at('a b', 'c'), { recursive: true });
    chmodSync(at('a b'), 0o777);
    refused(at('a b', 'c'), `other users may write to ${at('a b')}`, `chmod go-w '${at('a b')}'`);
    chmodSync(at('a b'), 0o1777);
    expectPrivateFolder(at('a b', 'c'));
  });

  it('must not be another user’s, nor inside one of theirs, however it is reached', { tags: ['root'] }, () => {
    mkdirSync(at('theirs', 'ours'), { recursive: true });
    mkdirSync(at('ours'));
    chownSync(at('theirs'), NOBODY, NOBODY);
    symlinkSync('theirs/ours', at('our link'));
    symlinkSync(at('ours'), at('their-link'));
    lchownSync(at('their-link'), NOBODY, NOBODY);
    const mend = (path: string) => `chown -hR 0 ${path} && chmod -R go-w ${path}`;
    for (const path of [at('theirs'), at('theirs', 'ours'), at('our link'), at('theirs', 'none')])
      refused(path, `${at('theirs')} belongs to user ${NOBODY}`, mend(at('theirs')));
    refused(at('their-link'), `the link ${at('their-link')} belongs to user ${NOBODY}`, mend(at('their-link')));
    expectPrivateFolder(at('theirs'), [NOBODY]);
  });

  it('may be reached over its user’s own links, but not over an endless chain', () => {
    mkdirSync(at('real'));
    symlinkSync('../'.repeat(2) + folder.path.slice(1), at('real', 'up'));
    symlinkSync('real/../real', at('link'));
    expectPrivateFolder(at('link'));
    symlinkSync('loop', at('loop'));
    expect(() => expectPrivateFolder(at('loop'))).toThrow(expect.objectContaining({ code: 'ELOOP' }));
  });

  it('may belong to the caller of sudo', { tags: ['root'] }, () => {
    chownSync(folder.path, NOBODY, NOBODY);
    refused(folder.path, `belongs to user ${NOBODY}`, 'chown');
    process.env['SUDO_UID'] = String(NOBODY);
    try {
      expectPrivateFolder(folder.path);
    } finally {
      delete process.env['SUDO_UID'];
    }
  });
});

describe('a secret file', () => {
  const path = () => at('key');
  const refused = (what: string, command: string, rules = {}) =>
    expect(() => readSecretFile(path(), 100, rules)).toThrow(exposed('secret_file_exposed', what, command));
  const text = (rules = {}) => new TextDecoder().decode(readSecretFile(path(), 100, rules) ?? new Uint8Array());

  it('is read if only its user can read it, up to a limit; it may be missing', async () => {
    expect(readSecretFile(path(), 100)).toBeNull();
    for (const mode of [0o600, 0o400]) {
      writeFileSync(path(), 'secret', { mode });
      expect(text()).toBe('secret');
    }
    expect(() => readSecretFile(path(), 5)).toThrow(expect.objectContaining({ code: 'EFBIG' }));
    expect(await new SystemDisk().readSecret(path(), 6)).toEqual(new TextEncoder().encode('secret'));
  });

  it('is refused if others could read or write it, with the command that fixes it', async () => {
    writeFileSync(path(), 'secret');
    for (const mode of [0o644, 0o640, 0o620, 0o604, 0o602, 0o660]) {
      chmodSync(path(), mode);
      refused(`its mode is 0${mode.toString(8)}`, `chmod 600 ${path()}`);
      await expect(new SystemDisk().readSecret(path(), 100)).rejects.toMatchObject({ code: 'secret_file_exposed' });
    }
  });

  it('may be readable, but not writable, for its group if an operator shares it on purpose', () => {
    writeFileSync(path(), 'secret', { mode: 0o440 });
    expect(text({ groupMayRead: true })).toBe('secret');
    for (const mode of [0o460, 0o444, 0o442]) {
      chmodSync(path(), mode);
      refused(`its mode is 0${mode.toString(8)}`, 'chmod 600', { groupMayRead: true });
    }
  });

  it('must not be another user’s', { tags: ['root'] }, () => {
    writeFileSync(path(), 'secret', { mode: 0o600 });
    chownSync(path(), NOBODY, NOBODY);
    refused(`it belongs to user ${NOBODY}`, `chown 0 ${path()} && chmod 600 ${path()}`);
    expect(text({ also: [NOBODY] })).toBe('secret');
  });

  it('must not be a link nor in a folder that others can change, unless a person named it', () => {
    writeFileSync(at('real'), 'secret', { mode: 0o600 });
    symlinkSync('real', path());
    refused('it is a link', 'mv -f');
    expect(text({ isNamed: true })).toBe('secret');
    chmodSync(folder.path, 0o777);
    expect(() => readSecretFile(at('real'), 100)).toThrow(expect.objectContaining({ code: 'data_folder_exposed' }));
    expect(text({ isNamed: true })).toBe('secret');
    // The link's target is checked in the same way.
    chmodSync(at('real'), 0o644);
    refused('its mode is 0644', 'chmod 600', { isNamed: true });
  });

  it('must be a file, or, if a person named it, a pipe of its user', { tags: ['pipes'] }, async () => {
    mkdirSync(path());
    refused('it is no file', 'ls -ld');
    refused('it is no file', 'ls -ld', { isNamed: true });
    spawnSync('mkfifo', ['-m', '600', at('pipe')]);
    expect(() => readSecretFile(at('pipe'), 100)).toThrow(expect.objectContaining({ code: 'secret_file_exposed' }));
    const program = join(import.meta.dirname, '../../../device/base/dist/private-paths.js');
    const script = `import(process.argv[1]).then((m) => process.stdout.write(m.readSecretFile(process.argv[2], 100, { isNamed: true })))`;
    const done = spawnSync(
      'sh',
      ['-c', 'printf secret > "$3" & exec "$0" -e "$1" "$2" "$3"', process.execPath, script, program, at('pipe')],
      { encoding: 'utf8' },
    );
    expect([done.stdout, done.stderr]).toEqual(['secret', '']);
  });
});
