// Documents that only bridge and vault exchange about one clip: the steps of a hand-over, its acknowledgement, recalls. Pure. Those that
// others read, too, are in contract/hand-over-documents.ts.

import { HandedClip, itemIdText } from '@doorsill/contract/hand-over-documents';
import { idSchema } from '@doorsill/contract/ids';
import { HOME_RECALL_LETTERS_MAX, MANIFEST_LETTERS_MAX } from '@doorsill/contract/manifest';
import { expSchema, signedClaims } from '@doorsill/contract/shared-claims';
import { VERDICT_LETTERS_MAX } from '@doorsill/contract/verdict';
import { z } from 'zod';

/** The fields of a document that identify its clip. */
export function clipOf(about: HandedClip): HandedClip {
  const { item, home, grant, clip, clipSha256, clipBytes, statementSha256 } = about;
  return { item, home, grant, clip, clipSha256, clipBytes, statementSha256 };
}

/** Whether two documents are about the same bytes under the same grant. */
export function sameClip(a: HandedClip, b: HandedClip): boolean {
  const [one, other] = [clipOf(a), clipOf(b)];
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The text that a clip's item id is hashed from. A clip older than statements (`home` is its device's id) keeps its former id. */
export function itemIdTextOf(
  bridge: string,
  { home, grant, clip }: Pick<HandedClip, 'home' | 'grant' | 'clip'>,
): string {
  return isPseudonym(home) ? itemIdText(bridge, clip) : `${bridge}/${home}/${grant}`;
}

/** Whether `home` is a pseudonym, as in all clips with a statement. */
function isPseudonym(home: string): boolean {
  return home.startsWith('home-');
}

/** `offer`: the vault may store it, but shows it to nobody; `confirm`: it is the vault's now; `withdraw`: the owner revoked first. */
const HAND_OVER_STEPS = ['offer', 'confirm', 'withdraw'] as const;

/** How a clip was asked for: retention counts from the upload for a community request, from the recording for all else. */
export const EvidenceSource = z.enum(['community-request', 'individual']);
export type EvidenceSource = z.infer<typeof EvidenceSource>;

/** One step of a hand-over, signed by the bridge (`aud`: vault id). */
export const HandOver = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  step: z.enum(HAND_OVER_STEPS),
  ...HandedClip.shape,
  agency: idSchema,
  request: idSchema,
  source: EvidenceSource,
  /** The category the agency's request named, and its investigation. */
  retention: idSchema,
  investigation: z.string().min(1).max(64),
});
export type HandOver = z.infer<typeof HandOver>;

/** Steps and recalls live at most this long. */
export const HAND_OVER_LIFE_S_MAX = 3600;

/** The vault's signed statement (`aud`: bridge id) that it has stored the clip durably. Only then may the bridge delete its copy. */
export const acknowledgementSchema = z.strictObject({ ...signedClaims, jti: idSchema, ...HandedClip.shape });

/** The body of `POST /v1/hand-overs`. */
export const HandOverBody = z.strictObject({
  offer: z.string().max(4_096),
  statement: z.string().max(MANIFEST_LETTERS_MAX),
  /** The bridge's `stored` receipt for the clip's recipient: it vouches for the statement's key and names this vault. */
  receipt: z.string().max(4_096),
});
export type HandOverBody = z.infer<typeof HandOverBody>;

/** The vault's status for an item. `open`: its bytes are missing. */
export const HandOverStatus = z.strictObject({
  item: idSchema,
  state: z.enum(['open', 'held', 'confirmed', 'erased']),
  acknowledgement: z.string().max(4_096).optional(),
  /** The vault's signed verdict on an encrypted clip that it has opened. */
  verdict: z.string().max(VERDICT_LETTERS_MAX).optional(),
});
export type HandOverStatus = z.infer<typeof HandOverStatus>;

/** The bridge reports that an owner recalls a handed-over clip (`aud`: vault id). */
export const Recall = z.strictObject({ ...signedClaims, exp: expSchema, jti: idSchema, ...HandedClip.shape });
export type Recall = z.infer<typeof Recall>;

/**
 * The body of `POST /v1/recalls`: the bridge's recall, and the home's proof. For a clip with a statement: the recall signed with the
 * statement's key; for an older one: the owner's revocation and the pairing statement for that owner.
 */
export const RecallBody = z.strictObject({
  recall: z.string().max(4_096),
  homeRecall: z.string().max(HOME_RECALL_LETTERS_MAX).optional(),
  revocation: z.string().max(4_096).optional(),
  pairing: z.string().max(2_048).optional(),
});
export type RecallBody = z.infer<typeof RecallBody>;

/** The body of the answer to `POST /v1/recalls`. */
export const recallStatusSchema = z.strictObject({ item: idSchema, answer: z.string().max(4_096) });
