// Owns: every account of a folder with what it may do, for brokers that are configured beforehand. Not here: the configuration
// (mosquitto-files.ts, nats-files.ts), and the embedded broker, which reads an account when it is used (account-login.ts).
import { type Account, listAccounts, readAccount } from '@doorsill/base/mqtt-account-files';
import { AccountHolder, accessOf, type TopicAccess } from '@doorsill/contract/topic-access';
import type { AccessOptions } from './account-login.ts';

/** An account as another broker needs it. */
export interface ListedAccount {
  user: string;
  role: AccountHolder['role'];
  verifiers: Extract<Account, { verifiers: object }>['verifiers'];
  access: TopicAccess;
}

/** An account that only the embedded broker can serve, or no broker at all; `why` gives the reason and, if any, the remedy. */
export interface LeftOut {
  user: string;
  why: string;
}

/** Reads all accounts that a kind of broker can check, in the order of their names. Rejects with the disk's errors. */
export async function readAllAccounts(
  { disk, accounts, prefix }: AccessOptions,
  kind: 'mosquitto' | 'nats',
): Promise<{ listed: ListedAccount[]; leftOut: LeftOut[] }> {
  const listed: ListedAccount[] = [];
  const leftOut: LeftOut[] = [];
  for (const user of await listAccounts(disk, accounts)) {
    const account = await readAccount(disk, accounts, user);
    const holder = AccountHolder.safeParse(account);
    // Removed since it was listed, or just being written: the next run handles it.
    if (!account) leftOut.push({ user, why: 'its file is not whole' });
    else if (!holder.success) leftOut.push({ user, why: `there is no role "${account.role}"` });
    else if (!('verifiers' in account) || account.verifiers[kind] === undefined) {
      leftOut.push({ user, why: 'it was made by an older version: enrol or pair again for a new password' });
    } else {
      const { role } = holder.data;
      listed.push({ user, role, verifiers: account.verifiers, access: accessOf(prefix, holder.data) });
    }
  }
  return { listed, leftOut };
}
