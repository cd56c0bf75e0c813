// Owns: what bridge and vault sign to each other about one clip: hand-over, acknowledgement, recall, its answer, deletion. Pure.
// Not here: evidence inside the vault and who may see it (the vault's own), what a device makes of an answer (consent/).
import { z } from 'zod';
import { idSchema, sha256Schema } from './ids.ts';
import { HOME_RECALL_LETTERS_MAX, MANIFEST_LETTERS_MAX } from './manifest.ts';
import { expSchema, signedClaims } from './shared-claims.ts';

/** The clip that a document is about, by everything that distinguishes it from any other. */
const clipClaims = {
  item: idSchema,
  /** The home's pseudonym under this one grant; the device's id for clips from before there were statements. */
  home: idSchema,
  grant: idSchema,
  clip: idSchema,
  clipSha256: sha256Schema,
  clipBytes: z.int().positive(),
  /** Hash of what travels with the clip: its statement, or the full manifest for clips from before there were statements. */
  statementSha256: sha256Schema,
} as const;
const clipSchema = z.strictObject(clipClaims);
export type HandedClip = z.infer<typeof clipSchema>;

/** The parts of a document that say which clip it is about. */
export function clipOf(about: HandedClip): HandedClip {
  const { item, home, grant, clip, clipSha256, clipBytes, statementSha256 } = about;
  return { item, home, grant, clip, clipSha256, clipBytes, statementSha256 };
}

/** Whether two documents are about the same bytes under the same grant. */
export function sameClip(a: HandedClip, b: HandedClip): boolean {
  const [one, other] = [clipOf(a), clipOf(b)];
  return JSON.stringify(one) === JSON.stringify(other);
}

/**
 * A clip's id in the vault, given `hashHex`, the SHA-256 of `itemIdText`. It is derived from the clip, so that an
 * acknowledgement of another item is recognised without asking, and the same clip never becomes two items.
 */
export function itemId(hashHex: string): string {
  return `item-${hashHex.slice(0, 32)}`;
}

/** The text that a clip's item id is hashed from. Clip ids are unique within a bridge and drawn at random: the item id reveals no home. */
export function itemIdText(bridge: string, clip: string): string {
  return `${bridge}/${clip}`;
}

/** The same for any clip; one from before there were statements (`home` is its device's id) keeps the id it was given. */
export function itemIdTextOf(
  bridge: string,
  { home, grant, clip }: Pick<HandedClip, 'home' | 'grant' | 'clip'>,
): string {
  return isPseudonym(home) ? itemIdText(bridge, clip) : `${bridge}/${home}/${grant}`;
}

/** Whether a home is named by its pseudonym, as in all clips since there are statements. */
function isPseudonym(home: string): boolean {
  return home.startsWith('home-');
}

/** `offer`: the vault may take it and shows it to nobody; `confirm`: it is the vault's now; `withdraw`: the owner revoked first. */
export const HAND_OVER_STEPS = ['offer', 'confirm', 'withdraw'] as const;

/** How a clip was asked for: retention counts from the upload for a community request, from the recording for all else. */
export const EVIDENCE_SOURCES = ['community-request', 'individual'] as const;

/** One step of a hand-over, signed by the bridge (`aud`: vault id). */
export const handOverSchema = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  step: z.enum(HAND_OVER_STEPS),
  ...clipClaims,
  agency: idSchema,
  request: idSchema,
  source: z.enum(EVIDENCE_SOURCES),
  /** The category the agency's request named, and its investigation. */
  retention: idSchema,
  investigation: z.string().min(1).max(64),
});
export type HandOver = z.infer<typeof handOverSchema>;

/** Steps and recalls live at most this long. */
export const HAND_OVER_LIFE_S_MAX = 3600;

/** The vault's signed statement (`aud`: bridge id) that it has the clip durably. Only then may the bridge delete its own. */
export const acknowledgementSchema = z.strictObject({ ...signedClaims, jti: idSchema, ...clipClaims });

/** The body of `POST /v1/hand-overs`. */
export const handOverBodySchema = z.strictObject({
  offer: z.string().max(4_096),
  statement: z.string().max(MANIFEST_LETTERS_MAX),
  /** The bridge's `stored` receipt for the clip's recipient: it vouches for the statement's key and names this vault. */
  receipt: z.string().max(4_096),
});
export type HandOverBody = z.infer<typeof handOverBodySchema>;

/** The vault's status for an item. `open`: its bytes are missing. */
export const handOverStatusSchema = z.strictObject({
  item: idSchema,
  state: z.enum(['open', 'held', 'confirmed', 'erased']),
  acknowledgement: z.string().max(4_096).optional(),
});
export type HandOverStatus = z.infer<typeof handOverStatusSchema>;

/** The bridge says that an owner takes a handed-over clip back (`aud`: vault id). */
export const recallSchema = z.strictObject({ ...signedClaims, exp: expSchema, jti: idSchema, ...clipClaims });
export type Recall = z.infer<typeof recallSchema>;

/**
 * The body of `POST /v1/recalls`: the bridge's recall, and the proof that the home wants it. For a clip with a statement: the recall
 * signed with the statement's key; for one from before there were statements: the owner's revocation and the device's statement for that owner.
 */
export const recallBodySchema = z.strictObject({
  recall: z.string().max(4_096),
  homeRecall: z.string().max(HOME_RECALL_LETTERS_MAX).optional(),
  revocation: z.string().max(4_096).optional(),
  pairing: z.string().max(2_048).optional(),
});
export type RecallBody = z.infer<typeof recallBodySchema>;

/** What department policy can decide on a recall. */
export const RECALL_DECISIONS = ['erased', 'restricted', 'kept'] as const;
export type RecallDecision = (typeof RECALL_DECISIONS)[number];

/** Longest reason a department gives, in letters: the answer must fit into the bridge's receipt. */
export const RECALL_REASON_LETTERS_MAX = 160;

/** The vault's signed answer to a recall (`aud`: the grant's id), for the owner to read. */
export const recallAnswerSchema = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  ...clipClaims,
  decision: z.enum(RECALL_DECISIONS),
  reason: z.string().min(1).max(RECALL_REASON_LETTERS_MAX).optional(),
});
export type RecallAnswer = z.infer<typeof recallAnswerSchema>;

/** The body of the answer to `POST /v1/recalls`. */
export const recallStatusSchema = z.strictObject({ item: idSchema, answer: z.string().max(4_096) });

export const DELETION_CAUSES = ['retention', 'officer', 'recall', 'withdrawn'] as const;
export type DeletionCause = (typeof DELETION_CAUSES)[number];

/** The vault's signed statement (`aud: public`) that the bytes it names are gone. */
export const deletionSchema = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  ...clipClaims,
  agency: idSchema,
  cause: z.enum(DELETION_CAUSES),
});
export type Deletion = z.infer<typeof deletionSchema>;
