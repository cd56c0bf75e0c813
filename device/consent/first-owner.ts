// Pairs the first owner of a doorbell that has not run yet.
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import { assert } from '@doorsill/contract/assert';
import { Ledger } from '../ledger/ledger.ts';
import { pairingStatement } from './command-handler.ts';

/**
 * Records an owner, whose possession of `key` the caller has verified, as the first entry of the ledger in `folder`. A doorbell that starts
 * there has it as its owner. Asserts that there is no ledger yet. Throws `consent_storage_failed` and the disk's errors.
 */
export async function recordFirstOwner(
  seams: { disk: Disk; clock: Clock; random: Random },
  folder: string,
  device: { id: string; key: SigningKey },
  owner: { key: string; name: string },
): Promise<void> {
  const ledger = new Ledger({ ...seams, folder, device, boot: freshId(seams.random, 'boot') });
  try {
    await ledger.start(() => assert(false, 'the first owner is paired before there is any other entry'));
    const statement = pairingStatement(device, owner.key, seams.clock);
    await ledger.append({ type: 'paired', body: { ...owner, statement } });
  } finally {
    await ledger.stop();
  }
}
