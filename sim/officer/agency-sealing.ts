// How clips for an agency are encrypted, and the private keys with which it opens those that nobody else can.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { loadSealingKeys, readSealingKeys, type SealingKeys } from '@doorsill/base/sealing-keys';
import type { Sealing } from '@doorsill/contract/sealing';
import { failure, isFailure } from '../errors.ts';
import type { OfficerDeps } from './agency-client.ts';
import { call } from './service-client.ts';

/** The file of the private keys for encrypted clips, in the folder of an agency or a pet owner. */
export const SEALING_KEYS_NAME = 'sealing.keys';

/** Who opens clips: the agency's vault, the recipient alone, or anybody on the way, because they are not encrypted. */
export const SEALING_CHOICES = ['vault', 'recipient', 'off'] as const;
/** One of `SEALING_CHOICES`. */
export type SealingChoice = (typeof SEALING_CHOICES)[number];

/** What whoever has such a file has to know before clips depend on it. */
export const LOSING_THE_KEYS = `Keep a copy of ${SEALING_KEYS_NAME}: without it nobody can open the clips that were granted to its keys, and their owners have to be asked again.`;

/** How clips for a recipient are encrypted, in words that follow on "Clips for it are". */
export function sealingWords(sealing: Sealing | null | undefined): string {
  if (!sealing) return 'not encrypted: the bridge can read them';
  return sealing.keeper === 'vault'
    ? 'encrypted: its vault opens them, the bridge cannot'
    : `encrypted: only the key in its own ${SEALING_KEYS_NAME} opens them`;
}

/** The keys in an agency's or a pet owner's folder, the newest first; none where it has none. Throws `state_damaged`, `secret_file_exposed`. */
export async function readKeysIn(disk: Pick<Disk, 'readSecret'>, folder: string): Promise<SealingKeys | []> {
  return (await readSealingKeys(disk, join(folder, SEALING_KEYS_NAME))) ?? [];
}

/** The key in a folder that clips are encrypted to, which is made where there is none. Throws as `readKeysIn`. */
export async function ownSealing(
  { disk, random }: Pick<OfficerDeps, 'disk' | 'random'>,
  folder: string,
): Promise<Sealing> {
  await disk.makeFolder(folder);
  const [newest] = await loadSealingKeys(disk, random, join(folder, SEALING_KEYS_NAME));
  return { key: newest.publicKey, keeper: 'recipient' };
}

/**
 * How clips for the agency in `folder` are to be encrypted; null: not at all. Without a choice the vault opens them, or, where there is none
 * that can, the agency. Throws `usage` for a vault that cannot, `unreachable`, and as `readKeysIn`.
 */
export async function chooseSealing(
  deps: Pick<OfficerDeps, 'disk' | 'random'>,
  of: { folder: string; vault: { url: string } | null; choice?: SealingChoice | undefined },
): Promise<Sealing | null> {
  const { folder, vault, choice } = of;
  if (choice === 'off') return null;
  const key = vault && choice !== 'recipient' ? await vaultSealingKey(vault.url) : null;
  if (key !== null) return { key, keeper: 'vault' };
  if (choice === 'vault')
    throw failure('usage', { detail: 'no vault here opens clips: --sealing takes recipient or off' });
  return ownSealing(deps, folder);
}

/** The public key that a vault opens clips with; null for a vault from before it could. */
async function vaultSealingKey(url: string): Promise<string | null> {
  try {
    return (await call({ url }, 'readVault')).sealingKey ?? null;
  } catch (thrown) {
    if (isFailure(thrown) && thrown.code === 'http_not_found') return null;
    throw thrown;
  }
}
