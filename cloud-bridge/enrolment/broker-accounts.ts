import type { Disk } from '@doorsill/base/disk';
import { issueAccount } from '@doorsill/base/mqtt-account-files';
import type { Random } from '@doorsill/base/random';
import type { AccountRole } from '@doorsill/contract/topic-access';

/** Who may connect to the area broker. Issuing again replaces the password. */
export interface AccountBook {
  issue(role: Extract<AccountRole, 'device-area' | 'bridge'>, id: string): Promise<{ user: string; password: string }>;
}

/** Accounts of the embedded broker: files in a folder. */
export function folderAccounts(disk: Disk, random: Random, folder: string): AccountBook {
  return { issue: (role, id) => issueAccount(disk, random, folder, { role, id }) };
}
