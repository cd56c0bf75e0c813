// The broker accounts of a device's owners: issued at pairing, deleted once the owner is removed.
import type { Disk } from '@doorsill/base/disk';
import { sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { accountUser, issueAccount, listAccounts, readAccount, removeAccount } from '@doorsill/base/mqtt-account-files';
import type { Random } from '@doorsill/base/random';
import { failure } from '@doorsill/contract/errors';
import { actorId } from '@doorsill/contract/ids';

export interface OwnerBrokerAccountsDeps {
  disk: Disk;
  random: Random;
  log: Log;
  /** Folder of the embedded broker's accounts; undefined when this device issues none. */
  folder: string | undefined;
  device: string;
  /** Keys of the present owners; null while the ledger is damaged: then no account is deleted. */
  owners(): readonly string[] | null;
  /** Whether there may be former owners. */
  hadOthers(): boolean;
}

export class OwnerBrokerAccounts {
  private readonly deps: OwnerBrokerAccountsDeps;
  private followed: string | null = null;
  private turn: Promise<void> = Promise.resolve();

  constructor(deps: OwnerBrokerAccountsDeps) {
    this.deps = deps;
  }

  /** Issues an owner's account with a fresh password. Throws `pairing_refused` when this device issues no accounts. */
  async issue(ownerKey: string): Promise<{ user: string; password: string }> {
    const { disk, random, folder } = this.deps;
    if (folder === undefined) {
      throw failure('pairing_refused', { detail: 'this device issues no broker accounts (home.accounts)' });
    }
    // Issued one after the other: an owner who gave up waiting and pairs again gets the password that is valid in the end.
    const issued = this.turn.then(() => issueAccount(disk, random, folder, this.accountOf(ownerKey)));
    this.turn = issued.then(
      () => undefined,
      () => undefined,
    );
    return issued;
  }

  /**
   * Deletes the accounts of former owners, who must no longer learn of rings and requests. Call it after every change. It reads the
   * folder, which may hold the accounts of a thousand homes, only when the owners changed and there may be former ones.
   */
  follow(): void {
    const owners = this.deps.owners()?.join(' ') ?? null;
    if (owners === null || owners === this.followed || this.deps.folder === undefined) return;
    this.followed = owners;
    if (!this.deps.hadOthers()) return;
    const { folder } = this.deps;
    this.turn = this.turn
      .then(() => this.removeOthers(folder))
      .catch((thrown: unknown) => {
        this.followed = null;
        this.deps.log.warn(
          'former owners’ accounts at the home broker could not be removed and still work; the next change tries again',
          { error: String(thrown) },
        );
      });
  }

  /** Resolves when all requested work is done. */
  async idle(): Promise<void> {
    await this.turn;
  }

  private async removeOthers(folder: string): Promise<void> {
    const { disk, device, log } = this.deps;
    for (const user of await listAccounts(disk, folder)) {
      const account = await readAccount(disk, folder, user);
      if (account?.role !== 'owner' || account.homes.join(' ') !== device) continue;
      // Read right before removing: an owner may have been paired meanwhile.
      const owners = this.deps.owners();
      if (owners === null || owners.some((key) => accountUser(this.accountOf(key)) === user)) continue;
      await removeAccount(disk, folder, user);
      log.info('the account of a former owner at the home broker is removed', { user });
    }
  }

  private accountOf(ownerKey: string) {
    return { role: 'owner', id: actorId('owner', sha256Hex(ownerKey)), homes: [this.deps.device] };
  }
}
