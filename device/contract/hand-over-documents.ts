// What anyone may read about a clip in a vault: which clip it is, the answer to a recall, the deletion. What bridge and vault sign for each
// other alone: cloud-bridge/signing/hand-over-documents.ts.
import { z } from 'zod';
import type { Receipt } from './home-messages.ts';
import { idSchema, sha256Schema } from './ids.ts';
import { parseToken } from './jws.ts';
import { IntakeReceipt } from './manifest.ts';
import { signedClaims } from './shared-claims.ts';

/** The clip that a document of bridge or vault is about, by everything that distinguishes it from other clips. */
export const HandedClip = z.strictObject({
  item: idSchema,
  /** The home's pseudonym under this one grant; the device's id for clips that are older than statements. */
  home: idSchema,
  grant: idSchema,
  clip: idSchema,
  clipSha256: sha256Schema,
  clipBytes: z.int().positive(),
  /** Hash of the document that travels with the clip: its statement, or the full manifest for clips that are older than statements. */
  statementSha256: sha256Schema,
});
export type HandedClip = z.infer<typeof HandedClip>;

/**
 * A clip's id in the vault, given `hashHex`, the SHA-256 of `itemIdText`. Derived from the clip, so that the bridge recognises an
 * acknowledgement of another item by itself, and one clip never becomes two items.
 */
export function itemId(hashHex: string): string {
  return `item-${hashHex.slice(0, 32)}`;
}

/** The text that an item id is the hash of. Clip ids are unique within a bridge and random: the item id reveals no home. */
export function itemIdText(bridge: string, clip: string): string {
  return `${bridge}/${clip}`;
}

/** Decisions of department policy on a recall. */
export const RecallDecision = z.enum(['erased', 'restricted', 'kept']);
export type RecallDecision = z.infer<typeof RecallDecision>;

/** Longest reason a department gives, in letters: the answer must fit into the bridge's receipt. */
export const RECALL_REASON_LETTERS_MAX = 160;

/** The vault's signed answer to a recall (`aud`: the grant's id), for the owner to read. */
export const RecallAnswer = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  ...HandedClip.shape,
  decision: RecallDecision,
  reason: z.string().min(1).max(RECALL_REASON_LETTERS_MAX).optional(),
});
export type RecallAnswer = z.infer<typeof RecallAnswer>;

/** Why a vault deleted a clip. */
export const DeletionCause = z.enum(['retention', 'officer', 'recall', 'withdrawn']);
export type DeletionCause = z.infer<typeof DeletionCause>;

/** The vault's signed statement (`aud: public`) that the bytes it names are gone. */
export const Deletion = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  ...HandedClip.shape,
  agency: idSchema,
  cause: DeletionCause,
});
export type Deletion = z.infer<typeof Deletion>;

/** The vault's answer to a recall inside a verified receipt of the device; null when there is none. */
export function recallAnswerOf({ outcome, intake }: Pick<Receipt, 'outcome' | 'intake'>): RecallAnswer | null {
  if (intake === undefined || (outcome !== 'recalled' && outcome !== 'deleted')) return null;
  const receipt = IntakeReceipt.safeParse(parseToken(intake)?.claims);
  const answer = RecallAnswer.safeParse(receipt.success ? parseToken(receipt.data.recall ?? '')?.claims : null);
  return answer.success ? answer.data : null;
}
