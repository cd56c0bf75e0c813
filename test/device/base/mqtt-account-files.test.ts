import { pbkdf2Sync, scryptSync } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareSync } from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { issueAccount, passwordFits, readAccount, removeAccount } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';

const disk = new SystemDisk();
const random = new SystemRandom();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-accounts-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('an account folder', () => {
  it('knows an account by its password and stores only a hash that its owner can read', async () => {
    const { user, password } = await issueAccount(disk, random, folder, { role: 'device-home', id: 'device-1' });
    expect(user).toBe('device-home-device-1');
    const account = await readAccount(disk, folder, user);
    if (!account) throw new Error('no account');
    expect(await passwordFits(account, password)).toBe(true);
    expect(await passwordFits(account, `${password}x`)).toBe(false);
    expect(await passwordFits(account, '')).toBe(false);
    const path = join(folder, `${user}.json`);
    expect(await readFile(path, 'utf8')).not.toContain(password);
    expect((await stat(path)).mode & 0o077).toBe(0);
  });

  it('replaces the password when an account is issued again', async () => {
    const wish = { role: 'bridge', id: 'bridge-1' };
    const old = await issueAccount(disk, random, folder, wish);
    const fresh = await issueAccount(disk, random, folder, wish);
    expect(fresh.user).toBe(old.user);
    const account = await readAccount(disk, folder, old.user);
    if (!account) throw new Error('no account');
    expect(await passwordFits(account, old.password)).toBe(false);
    expect(await passwordFits(account, fresh.password)).toBe(true);
  });

  it('stores what mosquitto and NATS need to check the same password themselves', async () => {
    const { user, password } = await issueAccount(disk, random, folder, { role: 'bridge', id: 'bridge-1' });
    const account = await readAccount(disk, folder, user);
    if (!account || !('verifiers' in account)) throw new Error('no account');
    const [, kind, iterations, salt = '', hash] = account.verifiers.mosquitto.split('$');
    expect(kind).toBe('7');
    const derived = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), 64, 'sha512');
    expect(derived.toString('base64')).toBe(hash);
    expect(compareSync(password, account.verifiers.nats ?? '')).toBe(true);
    expect(compareSync(`${password.slice(1)}x`, account.verifiers.nats ?? '')).toBe(false);
  });

  it('still reads an account that was issued while RabbitMQ was supported', async () => {
    const { user, password } = await issueAccount(disk, random, folder, { role: 'bridge', id: 'bridge-1' });
    const path = join(folder, `${user}.json`);
    const account = JSON.parse(await readFile(path, 'utf8'));
    account.verifiers.rabbitmq = `${'A'.repeat(91)}=`;
    await writeFile(path, JSON.stringify(account));
    const read = await readAccount(disk, folder, user);
    if (!read) throw new Error('no account');
    expect(await passwordFits(read, password)).toBe(true);
  });

  it('still reads an account in the older format, until it is issued again', async () => {
    const wish = { role: 'bridge', id: 'bridge-1' };
    const { user, password } = await issueAccount(disk, random, folder, wish);
    const salt = 'c2FsdHNhbHRzYWx0c2Fsd';
    const hash = scryptSync('an older password', `${salt}A`, 32, { N: 1024, r: 8, p: 1 }).toString('base64url');
    await writeFile(join(folder, `${user}.json`), JSON.stringify({ ...wish, user, homes: [], salt: `${salt}A`, hash }));
    const old = await readAccount(disk, folder, user);
    if (!old) throw new Error('no account');
    expect(await passwordFits(old, 'an older password')).toBe(true);
    expect(await passwordFits(old, password)).toBe(false);
    await issueAccount(disk, random, folder, wish);
    expect(await readAccount(disk, folder, user)).toHaveProperty('verifiers');
  });

  it('gives an owner of two homes two accounts', async () => {
    const [one, two] = [
      await issueAccount(disk, random, folder, { role: 'owner', id: 'owner-1', homes: ['device-1'] }),
      await issueAccount(disk, random, folder, { role: 'owner', id: 'owner-1', homes: ['device-2'] }),
    ];
    expect(one.user).not.toBe(two.user);
    expect(await readAccount(disk, folder, one.user)).toMatchObject({ id: 'owner-1', homes: ['device-1'] });
  });

  it('finds no account for a path, a removed name, or a damaged file', async () => {
    const { user } = await issueAccount(disk, random, folder, { role: 'bridge', id: 'bridge-1' });
    await writeFile(join(folder, '..', 'outside.json'), '{}');
    for (const name of ['../outside', `./${user}`, `${user}/`, '', 'A', '.', 'x'.repeat(64)]) {
      expect(await readAccount(disk, folder, name)).toBeNull();
    }
    await rm(join(folder, '..', 'outside.json'));
    const path = join(folder, `${user}.json`);
    const whole = await readFile(path, 'utf8');
    for (const damaged of ['', '{', whole.replace('bridge-1"', 'bridge-2","extra":"1"'), whole.slice(0, 40)]) {
      await writeFile(path, damaged);
      expect(await readAccount(disk, folder, user)).toBeNull();
    }
    await writeFile(join(folder, 'other.json'), whole);
    expect(await readAccount(disk, folder, 'other')).toBeNull();
    await writeFile(path, whole);
    expect(await readAccount(disk, folder, user)).not.toBeNull();
    await removeAccount(disk, folder, user);
    expect(await readAccount(disk, folder, user)).toBeNull();
  });
});
