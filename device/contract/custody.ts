// The published chain of custody: leaves of the bridge's log and how they hide what only some may know, signed tree heads, witnesses'
// cosignatures, and the proof that anyone can check offline. The tree's arithmetic: merkle.ts.
import { z } from 'zod';
import { fromBase64url, fromHex, toHex, utf8 } from './bytes.ts';
import { commitmentOf, SALT_BYTES } from './commitment.ts';
import { actorId, idSchema, sha256Schema } from './ids.ts';
import { openToken, parseToken, type TokenType, type Verify } from './jws.ts';
import { leafHash, rootOfInclusion, type Sha256 } from './merkle.ts';
import { parseJson } from './parse-json.ts';
import { ClipKeeper, VerdictOutcome } from './sealing.ts';
import { expSchema, PUBLIC_AUDIENCE, signedClaims } from './shared-claims.ts';
import { VERDICT_LETTERS_MAX } from './verdict.ts';

/** Hashing and signature checks, supplied by the caller. */
export interface CustodyCrypto {
  sha256: Sha256;
  verify: Verify;
}

const countSchema = z
  .int()
  .nonnegative()
  .max(2 ** 48);

/** A device's pseudonym under one grant: a keyed hash, so that nobody without the bridge's key can link two grants of one device. */
const pseudonymSchema = z.string().regex(/^[0-9a-f]{32}$/);

/** Events that change an agency's standing at the registry; the log records each. */
export const AGENCY_EVENTS = [
  'applied',
  'approved',
  'refused',
  'suspended',
  'revoked',
  'reinstated',
  'key-rotated',
] as const;
/** Public events of a request; the log records each. */
export const REQUEST_EVENTS = ['published', 'resolved', 'cancelled'] as const;

/** How an agency accesses a stored clip. */
export const AccessAction = z.enum(['view', 'stream', 'download', 'link']);
export type AccessAction = z.infer<typeof AccessAction>;
/** The part of a clip that was accessed; `list` and `audit` concern all of an agency's clips. */
export const AccessPart = z.enum(['clip', 'manifest', 'custody', 'list', 'audit']);
export type AccessPart = z.infer<typeof AccessPart>;

const clipFacts = { clip: idSchema, grant: idSchema } as const;

/**
 * The facts that leaves about one clip commit to, by kind; shown only to those entitled to them. The public log hides agency and request,
 * too, so that nobody can count the answers to a request.
 */
export const FACTS = {
  intake: z.strictObject({
    ...clipFacts,
    request: idSchema,
    agency: idSchema,
    clipSha256: sha256Schema,
    clipBytes: z.int().positive(),
    manifestSha256: sha256Schema,
    receiptSha256: sha256Schema,
    /** The recipient's statement and receipt. Absent in leaves that are older than statements. */
    statementSha256: sha256Schema.optional(),
    statementReceiptSha256: sha256Schema.optional(),
  }),
  /** A full manifest was opened at the bridge. */
  dispute: z.strictObject({
    ...clipFacts,
    manifestSha256: sha256Schema,
    /** The bridge's operator, or the owner who granted. */
    by: z.enum(['operator', 'owner']),
    reasonSha256: sha256Schema,
  }),
  access: z.strictObject({
    clip: idSchema,
    agency: idSchema,
    part: AccessPart,
    action: AccessAction,
    reasonSha256: sha256Schema,
    /** Absent in leaves from before officers had to be named. */
    officerSha256: sha256Schema.optional(),
    token: idSchema,
  }),
  'hand-over': z.strictObject({
    ...clipFacts,
    item: idSchema,
    clipSha256: sha256Schema,
    acknowledgementSha256: sha256Schema,
  }),
  /** Whoever opened the encrypted clip said whether it is what was granted. */
  opening: z.strictObject({
    ...clipFacts,
    by: ClipKeeper,
    outcome: VerdictOutcome,
    verdictSha256: sha256Schema,
  }),
  deletion: z.strictObject({
    grant: idSchema,
    /** Absent when the grant was revoked before any clip for it arrived. */
    clip: idSchema.optional(),
    /** An error code, or `retention`. */
    cause: z.string().regex(/^[a-z_]{1,60}$/),
    receiptSha256: sha256Schema,
  }),
  recall: z.strictObject({
    ...clipFacts,
    item: idSchema,
    recallSha256: sha256Schema,
    answer: z.enum(['erased', 'restricted', 'kept', 'pending']),
    answerSha256: sha256Schema.optional(),
  }),
} as const;
/** The kinds of leaves whose facts are hidden. */
export type HiddenKind = keyof typeof FACTS;
/** The facts of a leaf of one kind. */
export type FactsOf<Kind extends HiddenKind> = z.infer<(typeof FACTS)[Kind]>;

const atS = z.int().nonnegative();
const hidden = <Kind extends HiddenKind>(kind: Kind) =>
  z.strictObject({ kind: z.literal(kind), atS, home: pseudonymSchema.optional(), commitment: sha256Schema });

/** One leaf as anyone may read it: public ids, pseudonyms, commitments; no names, addresses or emails. */
export const CustodyEntry = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('request'),
    atS,
    event: z.enum(REQUEST_EVENTS),
    request: idSchema,
    agency: idSchema,
    requestSha256: sha256Schema,
  }),
  z.strictObject({
    kind: z.literal('agency'),
    atS,
    event: z.enum(AGENCY_EVENTS),
    agency: idSchema,
    revision: z.int().positive(),
    scope: idSchema.optional(),
  }),
  /** The registry's revocation list as the bridge adopted it: what it refused from then on. */
  z.strictObject({ kind: z.literal('revocations'), atS, revision: z.int().positive(), listSha256: sha256Schema }),
  hidden('intake'),
  hidden('dispute'),
  hidden('access'),
  hidden('hand-over'),
  hidden('deletion'),
  hidden('recall'),
  hidden('opening'),
]);
export type CustodyEntry = z.infer<typeof CustodyEntry>;

/** The bridge's signed statement (`aud: public`) of its log's state at one moment. Two contradicting heads prove that it cheated. */
export const TreeHead = z.strictObject({ ...signedClaims, size: countSchema, root: sha256Schema });
export type TreeHead = z.infer<typeof TreeHead>;

/** A witness's signed statement (`aud: public`) that it saw this tree, and that it extends every tree of this bridge that it saw before. */
export const Cosignature = z.strictObject({
  ...signedClaims,
  bridge: idSchema,
  size: countSchema,
  root: sha256Schema,
});
export type Cosignature = z.infer<typeof Cosignature>;

/** A head with the witnesses' cosignatures on exactly this tree. */
export const CosignedHead = z.strictObject({
  head: z.string().max(1_024),
  cosignatures: z.array(z.string().max(1_024)).max(16),
});
export type CosignedHead = z.infer<typeof CosignedHead>;

const pathSchema = z.array(sha256Schema).max(64);

/** One leaf, opened, with its path to a signed head: stored beside a clip as `proof.json`. */
export const CustodyProof = z.strictObject({
  leaf: countSchema,
  entry: z.string().max(2_048),
  /** Base64url. */
  salt: z.string().max(64),
  facts: z.string().max(4_096),
  path: pathSchema,
  ...CosignedHead.shape,
});
export type CustodyProof = z.infer<typeof CustodyProof>;

/** For device, owner and recipient of a clip: the bridge's receipt, and the proof of the leaf about it. */
export const CustodyBundle = z.strictObject({ receipt: z.string().max(4_096), proof: CustodyProof });
export type CustodyBundle = z.infer<typeof CustodyBundle>;

/** Verdicts that a bridge records of a clip's recipient: a recipient who finds a fault more than once says nothing new. */
export const VERDICTS_OF_RECIPIENT_MAX = 4;
/** Most verdicts on one clip: the vault says one when it takes the clip over. */
const VERDICTS_OF_CLIP_MAX = 1 + VERDICTS_OF_RECIPIENT_MAX;
/** Most leaves about one clip that its home is shown: intake, hand-over, recall and its answer, deletion, and the verdicts. */
export const LEAVES_OF_CLIP_MAX = 5 + VERDICTS_OF_CLIP_MAX;

/** `GET /v1/intakes/GRANT/custody/leaves`: the bridge's last receipt for the device, and all leaves about the clip. */
export const ClipLeaves = z.strictObject({
  receipt: z.string().max(4_096).nullable(),
  leaves: z.array(CustodyProof).max(LEAVES_OF_CLIP_MAX),
  /** The signed verdicts that leaves of kind `opening` are about. Absent where there is none: an older device knows none. */
  verdicts: z.array(z.string().max(VERDICT_LETTERS_MAX)).min(1).max(VERDICTS_OF_CLIP_MAX).optional(),
});
export type ClipLeaves = z.infer<typeof ClipLeaves>;

/** A device's or owner's call for the bundle of one of its grants (`aud`: bridge id). */
export const CustodyCall = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  device: idSchema,
  grant: idSchema,
});
export type CustodyCall = z.infer<typeof CustodyCall>;
/** The proof's one canonical text. Any other text of the same proof is refused: no byte of a stored file may change. */
export function printProof(proof: CustodyProof): string {
  return JSON.stringify(CustodyProof.parse(proof));
}

/** The content of a valid proof. */
interface OpenedProof {
  leaf: number;
  entry: CustodyEntry;
  /** The text that the leaf commits to. */
  facts: string;
  head: TreeHead;
  /** Keys of the witnesses that cosigned the head. */
  witnesses: string[];
}

/**
 * Opens a proof from its text and checks canonical form, commitment, path, the head's signature and each cosignature. `why` names the
 * first fault. The caller checks whose key signed the head.
 */
export function openProof(text: string, crypto: CustodyCrypto): OpenedProof | { why: string } {
  const proof = CustodyProof.safeParse(parseJson(text));
  if (!proof.success || printProof(proof.data) !== text) return { why: 'the proof is not a valid document' };
  const { leaf, salt, facts, path } = proof.data;
  const entry = CustodyEntry.safeParse(parseJson(proof.data.entry));
  if (!entry.success || !('commitment' in entry.data)) return { why: 'the leaf is not one about a clip' };
  const saltBytes = fromBase64url(salt);
  if (saltBytes?.length !== SALT_BYTES || commitmentOf(saltBytes, facts, crypto.sha256) !== entry.data.commitment) {
    return { why: 'the leaf is not about these facts' };
  }
  const head = openBySelf(proof.data.head, 'doorsill-tree-head+jws', TreeHead, crypto);
  if (!head) return { why: 'the tree head does not verify' };
  const hashes = path.map((hash) => fromHex(hash) ?? new Uint8Array());
  const hash = leafHash(utf8(proof.data.entry), crypto.sha256);
  const root = rootOfInclusion({ leaf, size: head.size, path: hashes }, hash, crypto.sha256);
  if (!root || toHex(root) !== head.root) return { why: 'the leaf is not in the tree of the head' };
  const witnesses: string[] = [];
  for (const token of proof.data.cosignatures) {
    const cosignature = openBySelf(token, 'doorsill-cosignature+jws', Cosignature, crypto);
    if (!cosignature || !isAbout(cosignature, head, crypto)) return { why: 'a cosignature does not verify' };
    witnesses.push(cosignature.iss);
  }
  return { leaf, entry: entry.data, facts, head, witnesses };
}

/** Whether a cosignature is about the tree of this head. */
export function isAbout(cosignature: Cosignature, head: TreeHead, crypto: Pick<CustodyCrypto, 'sha256'>): boolean {
  const bridge = actorId('bridge', toHex(crypto.sha256(utf8(head.iss))));
  return cosignature.bridge === bridge && cosignature.size === head.size && cosignature.root === head.root;
}

/** A public document opened under the key that it names itself; null when it does not verify. */
function openBySelf<Schema extends z.ZodType<{ iss: string; aud: string }>>(
  token: string,
  typ: TokenType,
  schema: Schema,
  { verify }: CustodyCrypto,
): z.infer<Schema> | null {
  const claims = schema.safeParse(parseToken(token)?.claims);
  if (!claims.success) return null;
  const opened = openToken(token, { typ, schema, audience: PUBLIC_AUDIENCE, keys: [claims.data.iss], verify });
  return opened.ok ? opened.claims : null;
}
