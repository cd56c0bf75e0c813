import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Disk, SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { issueAccount, listAccounts, passwordFits, readAccount } from '../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { parseDeviceConfig } from '../../device/config.ts';
import { utf8 } from '../../device/contract/bytes.ts';
import { ensureOwnAccount } from '../../device/home-account.ts';
import { readSettings } from '../../device/settings-file.ts';
import { temporaryFolder } from '../support/command-line.ts';

const [disk, random] = [new SystemDisk(), new SystemRandom()];
const [BEFORE, NOW, OTHER] = ['device-before', 'device-now', 'device-other'];
let folder: ReturnType<typeof temporaryFolder>;
const at = (name: string) => `${folder.path}/${name}`;
beforeEach(() => {
  folder = temporaryFolder('home-account');
});
afterEach(() => folder.dispose());

/** Settings with the former device's account, and accounts of its owner, Home Assistant and another home. */
async function wasAnother() {
  const issue = (role: string, id: string, homes: string[] = []) =>
    issueAccount(disk, random, at('accounts'), { role, id, homes });
  const account = await issue('device-home', BEFORE);
  await issue('device-area', BEFORE);
  await issue('owner', 'owner-1', [BEFORE]);
  await issue('home-assistant', 'home-assistant', [BEFORE]);
  const kept = [
    await issue('owner', 'owner-1', [OTHER]),
    await issue('home-assistant', 'home-assistant', [BEFORE, OTHER]),
    await issue('device-home', OTHER),
  ].map(({ user }) => user);
  const home = { url: 'mqtt://127.0.0.1:1883', ...account, accounts: at('accounts') };
  await disk.replaceFile(at('device.json'), utf8(JSON.stringify({ name: 'Porch', home })));
  return { home, kept };
}

async function stored() {
  return parseDeviceConfig(await readSettings(disk, at('device.json')), at('device.json'));
}

const start = async (by: Disk = disk, device = NOW) =>
  ensureOwnAccount({ disk: by, random, log: silentLog(), folder: folder.path, device }, (await stored()).home);

/** The device's own account is used and stored, and no account of the former device is left. */
async function expectOwn(kept: readonly string[]) {
  const { name, home } = await stored();
  const users = await listAccounts(disk, at('accounts'));
  expect([name, home.user, users.sort()]).toEqual(['Porch', `device-home-${NOW}`, [...kept, home.user].sort()]);
  const account = await readAccount(disk, at('accounts'), home.user ?? '');
  expect(account?.id).toBe(NOW);
  expect(account && (await passwordFits(account, home.password ?? ''))).toBe(true);
  return home;
}

it('replaces the former device’s account, and removes all its accounts', async () => {
  const { home, kept } = await wasAnother();
  const own = await start();
  expect(await expectOwn(kept)).toEqual(own);
  expect(own.password).not.toBe(home.password);
  // From then on nothing changes.
  expect(await start()).toEqual(own);
});

it('has the same result after a power cut at any write', async () => {
  for (let lasts = 0; ; lasts += 1) {
    const { kept } = await wasAnother();
    let left = lasts;
    const cut = (name: 'remove' | 'replaceFile') => ({
      value: (...args: [string, Uint8Array]) =>
        left-- > 0 ? disk[name](...args) : Promise.reject(new Error('power cut')),
    });
    await start(Object.create(disk, { remove: cut('remove'), replaceFile: cut('replaceFile') }));
    await start();
    await expectOwn(kept);
    if (left >= 0) break;
  }
});

it('keeps its own account, one named by an operator, and one at a broker whose accounts it does not issue', async () => {
  const { home } = await wasAnother();
  for (const kept of [home, { ...home, user: 'porch' }, { url: home.url, user: home.user, password: 'x' }]) {
    await disk.replaceFile(at('device.json'), utf8(JSON.stringify({ home: kept })));
    const before = await stored();
    expect(await start(disk, kept === home ? BEFORE : NOW)).toEqual(before.home);
    expect(await stored()).toEqual(before);
  }
  expect((await listAccounts(disk, at('accounts'))).length).toBe(7);
});
