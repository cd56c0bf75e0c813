// The device's own account at a home broker whose accounts it issues. After a factory reset device.json still names the account of the
// former device id, which is replaced here. Owners' accounts: owner/owner-broker-accounts.ts.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { accountUser, issueAccount, listAccounts, readAccount, removeAccount } from '@doorsill/base/mqtt-account-files';
import type { Random } from '@doorsill/base/random';
import { utf8 } from '@doorsill/contract/bytes';
import { z } from 'zod';
import type { DeviceConfig } from './config.ts';
import { readSettings } from './settings-file.ts';

interface HomeAccountDeps {
  disk: Disk;
  random: Random;
  log: Log;
  /** The device's own data folder. */
  folder: string;
  device: string;
}

const ROLE = 'device-home';
const settingsSchema = z.looseObject({ home: z.looseObject({ user: z.string() }) });

/**
 * Returns the settings of the home broker with this device's own account. Where they name another device's account and accounts are
 * issued here, all accounts of that device are removed, and a new one is issued and stored in device.json. If interrupted, the next
 * start does it again. Disk errors are logged only: without a broker a doorbell still records.
 */
export async function ensureOwnAccount(
  deps: HomeAccountDeps,
  home: DeviceConfig['home'],
): Promise<DeviceConfig['home']> {
  const { disk, random, log, device } = deps;
  const { accounts, user } = home;
  const wish = { role: ROLE, id: device };
  if (accounts === undefined || !user?.startsWith(`${ROLE}-`) || user === accountUser(wish)) return home;
  try {
    const own = { ...home, ...(await issueAccount(disk, random, accounts, wish)) };
    await removeAccountsOf(disk, accounts, user.slice(ROLE.length + 1));
    await storeAccount(deps, user, own);
    log.info(
      'device.json named another device’s account at the home broker; that is removed, and this device has its own',
      { user: own.user, before: user },
    );
    return own;
  } catch (thrown) {
    log.error(
      'device.json names another device’s account, and an own one could not be made; the next start tries again',
      {
        error: String(thrown),
      },
    );
    return home;
  }
}

/** Writes the account to device.json if the file still names the one before. */
async function storeAccount(
  { disk, folder }: HomeAccountDeps,
  before: string,
  { user, password }: DeviceConfig['home'],
): Promise<void> {
  const path = join(folder, 'device.json');
  const settings = settingsSchema.safeParse(await readSettings(disk, path));
  if (!settings.success || settings.data.home.user !== before) return;
  const changed = { ...settings.data, home: { ...settings.data.home, user, password } };
  await disk.replaceFile(path, utf8(`${JSON.stringify(changed, null, 2)}\n`));
}

/** Removes a device's accounts from a folder of account files, and the accounts that serve it alone (owners, Home Assistant). */
export async function removeAccountsOf(disk: Disk, accounts: string, device: string): Promise<void> {
  for (const user of await listAccounts(disk, accounts)) {
    const account = await readAccount(disk, accounts, user);
    if (account?.id === device || account?.homes.join(' ') === device) await removeAccount(disk, accounts, user);
  }
}
