// Lists all accounts with their access, for brokers that are configured by files. The embedded broker reads an account at its login instead.
import { type Account, listAccounts, readAccount } from '@doorsill/base/mqtt-account-files';
import { AccountHolder, accessOf, type TopicAccess } from '@doorsill/contract/topic-access';
import type { AccessOptions } from './account-login.ts';

/** An account in the form that other brokers need. */
export interface ListedAccount {
  user: string;
  role: AccountHolder['role'];
  verifiers: Extract<Account, { verifiers: object }>['verifiers'];
  access: TopicAccess;
}

/** An account that only the embedded broker can serve, or none; `why`: the reason and the remedy, if there is one. */
export interface LeftOut {
  user: string;
  why: string;
}

/** Reads all accounts whose passwords this kind of broker can check, ordered by name. Rejects with the disk's errors. */
export async function readAllAccounts(
  { disk, accounts, prefix }: AccessOptions,
  kind: 'mosquitto' | 'nats',
): Promise<{ listed: ListedAccount[]; leftOut: LeftOut[] }> {
  const listed: ListedAccount[] = [];
  const leftOut: LeftOut[] = [];
  for (const user of await listAccounts(disk, accounts)) {
    const account = await readAccount(disk, accounts, user);
    const holder = AccountHolder.safeParse(account);
    // It was removed meanwhile, or is being written: the next run handles it.
    if (!account) leftOut.push({ user, why: 'its file is incomplete' });
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
