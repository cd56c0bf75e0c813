// Who can read an item's clip, and what its reader gets. Pure.
import { parseToken } from '@doorsill/contract/jws';
import { Statement } from '@doorsill/contract/manifest';
import type { SealedClip, VerdictOutcome } from '@doorsill/contract/sealing';
import { Verdict } from '@doorsill/contract/verdict';
import type { Item } from './vault-store.ts';

/** `vault`: the vault shows it; `recipient`: only a key that the vault does not have opens it; `nobody`: it was refused or erased. */
export const READERS = ['vault', 'recipient', 'nobody'] as const;
export type Readers = (typeof READERS)[number];

/** The statement about an encrypted clip. */
export type SealedStatement = Statement & { sealed: SealedClip };

export interface ItemClip {
  readableBy: Readers;
  /** Of the vault, about a clip that was encrypted to it; null for others. */
  outcome: VerdictOutcome | null;
  /** Present where the vault must decrypt the item's bytes for a reader. */
  decrypting: SealedStatement | null;
  /** Hash and size of what a reader gets, and whether it is encrypted. */
  sha256: string;
  bytes: number;
  isSealed: boolean;
}

type Facts = Pick<Item, 'state' | 'statement' | 'verdict' | 'clipSha256' | 'clipBytes'>;

/** What a reader of an item's clip gets. The vault wrote statement and verdict into its own database, so it need not verify them again. */
export function clipOfItem(item: Facts): ItemClip {
  const outcome = outcomeOfVerdict(item.verdict);
  const stored = { outcome, decrypting: null, sha256: item.clipSha256, bytes: item.clipBytes } as const;
  const statement = sealedStatement(item.statement);
  if (item.state === 'erased') return { ...stored, readableBy: 'nobody', isSealed: true };
  if (!statement && item.verdict === '') return { ...stored, readableBy: 'vault', isSealed: false };
  const isGranted = statement !== null && outcome === 'as-granted';
  if (isGranted) {
    const { clipSha256: sha256, clipBytes: bytes } = statement.sealed;
    return { readableBy: 'vault', outcome, decrypting: statement, sha256, bytes, isSealed: false };
  }
  const readableBy = item.verdict === '' ? 'recipient' : 'nobody';
  return { ...stored, readableBy, isSealed: true };
}

/** An encrypted clip's statement; null for the one of any other clip. */
function sealedStatement(token: string): SealedStatement | null {
  const statement = Statement.safeParse(parseToken(token)?.claims);
  const sealed = statement.data?.sealed;
  return statement.success && sealed ? { ...statement.data, sealed } : null;
}

function outcomeOfVerdict(token: string): VerdictOutcome | null {
  return Verdict.safeParse(parseToken(token)?.claims).data?.outcome ?? null;
}
