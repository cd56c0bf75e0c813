// Owns: the device's own account at a broker whose accounts it issues: a new one where the one in device.json is that of the device which
// this one was before a factory reset; the end of all accounts of a device. Not here: owners' accounts (owner/owner-broker-accounts.ts).
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
 * The settings of the home broker with an account that is this device's. Where they name another device's, and its accounts are issued here,
 * that device ends with all its accounts, and this one gets its own, in device.json, too. Cut off at any step it is done anew by the next
 * start. What the disk refuses is logged: without a broker a doorbell still records.
 */
export async function withOwnAccount(deps: HomeAccountDeps, home: DeviceConfig['home']): Promise<DeviceConfig['home']> {
  const { disk, random, log, device } = deps;
  const { accounts, user } = home;
  const wish = { role: ROLE, id: device };
  if (accounts === undefined || !user.startsWith(`${ROLE}-`) || user === accountUser(wish)) return home;
  try {
    const own = { ...home, ...(await issueAccount(disk, random, accounts, wish)) };
    await removeAccountsOf(disk, accounts, user.slice(ROLE.length + 1));
    await storeAccount(deps, user, own);
    log.info('this device has an account of its own at the home broker', { user: own.user, before: user });
    return own;
  } catch (thrown) {
    log.error('the account in device.json is another device’s, and this one’s cannot be stored', {
      error: String(thrown),
    });
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

/** Ends what a device had at the brokers whose accounts lie in a folder, and what others had for it alone: its owners, Home Assistant. */
export async function removeAccountsOf(disk: Disk, accounts: string, device: string): Promise<void> {
  for (const user of await listAccounts(disk, accounts)) {
    const account = await readAccount(disk, accounts, user);
    if (account?.id === device || account?.homes.join(' ') === device) await removeAccount(disk, accounts, user);
  }
}
