// Owns: issuing accounts at the area broker. Not here: what an account may do there (contract/topic-access.ts).

import type { Disk } from '../../device/base/disk.ts';
import { issueAccount } from '../../device/base/mqtt-account-files.ts';
import type { Random } from '../../device/base/random.ts';
import type { AccountRole } from '../../device/contract/topic-access.ts';

/** Who may connect to the area broker. Issuing again replaces the password. */
export interface AccountBook {
  issue(role: Extract<AccountRole, 'device-area' | 'bridge'>, id: string): Promise<{ user: string; password: string }>;
}

/** Accounts of the embedded broker: files in a folder. */
export function folderAccounts(disk: Disk, random: Random, folder: string): AccountBook {
  return { issue: (role, id) => issueAccount(disk, random, folder, { role, id }) };
}
