// Owns: whether a bridge took a clip in: its receipt, and the proof that its log says so, against what is known of the clip; and what the
// log says became of the clip since. Pure:
// `verify` and the console's page check with the same code. Not here: a clip's manifest or statement (clip/verify-clip.ts), the log's
// hash tree (merkle.ts).

import { type CustodyCrypto, FACTS, type FactsOf, type HiddenKind, openProof } from './custody.ts';
import { failure } from './errors.ts';
import { openBySigner } from './jws.ts';
import { IntakeReceipt } from './manifest.ts';
import { parseJson } from './parse-json.ts';
import type { TokenCrypto } from './verify-published-request.ts';

/** Hashing and signature checks, for tokens and for proofs. */
export type DocumentCrypto = CustodyCrypto & TokenCrypto;

/** What is known of a clip; receipt and proof must say the same. */
export interface StoredClip {
  /** The clip's id. */
  clip: string;
  grant: string;
  request: string;
  /** Id of the agency or pet owner that it is for. */
  recipient: string;
  /** Null when only the recipient's statement is known, which names no device. */
  device: string | null;
  clipSha256: string;
  clipBytes: number;
  /** SHA-256 of the document that is known: the full manifest, or the recipient's statement. */
  manifestSha256?: string;
  statementSha256?: string;
}

/** The documents from a bridge, and whose they must be; without `bridgeKey` they are only checked against each other. */
interface CustodyDocuments {
  receipt: string;
  bridgeKey?: string;
  /** The text of `proof.json`. */
  proof?: string;
  /** Witnesses, all of which must have cosigned the proof's head. */
  witnessKeys?: readonly string[];
}

/** Result of verifying a proof of custody. */
export interface VerifiedCustody {
  leaf: number;
  /** Number of leaves in the log, and when the bridge signed it, in seconds since 1970. */
  size: number;
  headS: number;
  /** When the bridge accepted the clip, in seconds since 1970. */
  takenS: number;
  witnesses: string[];
}

/**
 * Verifies that the bridge took this clip in, by its receipt (the device's or the recipient's) and, if given, by the proof of its log.
 * Throws `verify_failed` with the first thing that does not verify.
 */
export function verifyCustody(
  clip: StoredClip,
  documents: CustodyDocuments,
  crypto: DocumentCrypto,
): { receipt: IntakeReceipt; custody: VerifiedCustody | null } {
  const receipt = checkReceipt(clip, documents, crypto);
  return { receipt, custody: documents.proof === undefined ? null : checkProof(clip, documents, receipt, crypto) };
}

/** What a leaf about a known clip says, and where it is in the log. */
export type VerifiedLeaf = {
  [Kind in HiddenKind]: { kind: Kind; facts: FactsOf<Kind>; atS: number } & Omit<VerifiedCustody, 'takenS'>;
}[HiddenKind];

/**
 * Verifies one leaf of the log as being about this clip, whatever it tells, by the text of its proof. Throws `verify_failed` with the
 * first thing that does not verify.
 */
export function verifyLeaf(clip: StoredClip, proof: string, bridgeKey: string, crypto: DocumentCrypto): VerifiedLeaf {
  const opened = openProof(proof, crypto);
  if ('why' in opened) return fail(opened.why);
  const { leaf, entry, head, witnesses } = opened;
  if (head.iss !== bridgeKey) fail('the tree head is of another bridge');
  if (!('commitment' in entry)) return fail('the leaf is not one about a clip');
  const facts = FACTS[entry.kind].safeParse(parseJson(opened.facts));
  if (!facts.success) return fail('the leaf does not tell what its kind tells');
  const told: { [Key in 'grant' | 'clip' | 'clipSha256']?: string | undefined } = facts.data;
  const isAboutIt =
    (told.grant === undefined || told.grant === clip.grant) &&
    (told.clip === undefined || told.clip === clip.clip) &&
    (told.clipSha256 === undefined || told.clipSha256 === clip.clipSha256) &&
    (told.grant !== undefined || told.clip !== undefined);
  if (!isAboutIt) fail('the leaf is about another clip');
  const found = {
    kind: entry.kind,
    facts: facts.data,
    atS: entry.atS,
    leaf,
    size: head.size,
    headS: head.iat,
    witnesses,
  };
  // The schema of a kind has read its facts.
  return found as VerifiedLeaf;
}

/** Each receipt names both documents of a clip. */
function checkReceipt(clip: StoredClip, { receipt: token, bridgeKey }: CustodyDocuments, crypto: DocumentCrypto) {
  const read = openBySigner(token, { typ: 'doorsill-intake+jws', schema: IntakeReceipt, verify: crypto.verify });
  if (!read.ok) return fail(`the receipt ${read.why}`);
  const receipt = read.claims;
  if (bridgeKey !== undefined && receipt.iss !== bridgeKey) fail('the receipt is of another bridge');
  const isDevices = clip.device === null ? receipt.aud.startsWith('device-') : receipt.aud === clip.device;
  if ((!isDevices && receipt.aud !== clip.recipient) || receipt.outcome !== 'stored')
    fail('the receipt is not for this clip');
  if (receipt.clipSha256 !== clip.clipSha256 || receipt.clipBytes !== clip.clipBytes)
    fail('the receipt is for another clip');
  const { manifestSha256, statementSha256 } = clip;
  if (statementSha256 !== undefined && receipt.statementSha256 !== statementSha256)
    fail('the receipt is for another statement');
  if (manifestSha256 !== undefined && receipt.manifestSha256 !== manifestSha256)
    fail('the receipt is for another manifest');
  if (receipt.grant !== clip.grant) fail('the receipt is for another grant');
  return receipt;
}

/** The leaf must be in a tree signed by the receipt's own signer, and be about exactly this receipt and clip. */
function checkProof(
  clip: StoredClip,
  { receipt: receiptToken, proof = '', witnessKeys = [] }: CustodyDocuments,
  receipt: IntakeReceipt,
  crypto: DocumentCrypto,
): VerifiedCustody {
  const opened = openProof(proof, crypto);
  if ('why' in opened) return fail(opened.why);
  const { leaf, entry, head, witnesses } = opened;
  const facts = FACTS.intake.safeParse(parseJson(opened.facts));
  if (entry.kind !== 'intake' || !facts.success) return fail('the leaf is not about an intake');
  if (head.iss !== receipt.iss) fail('the tree head is of another bridge than the receipt');
  const told = facts.data;
  const isAboutIt =
    [told.receiptSha256, told.statementReceiptSha256].includes(crypto.sha256Hex(receiptToken)) &&
    told.clip === clip.clip &&
    told.grant === receipt.grant &&
    told.request === clip.request &&
    told.agency === clip.recipient &&
    told.clipSha256 === clip.clipSha256 &&
    told.clipBytes === clip.clipBytes &&
    told.manifestSha256 === receipt.manifestSha256 &&
    told.statementSha256 === receipt.statementSha256;
  if (!isAboutIt) fail('the leaf is about another receipt or clip');
  const missing = witnessKeys.find((key) => !witnesses.includes(key));
  if (missing !== undefined) fail(`the witness ${missing} has not cosigned the tree head`);
  return { leaf, size: head.size, headS: head.iat, takenS: entry.atS, witnesses };
}

function fail(detail: string): never {
  throw failure('verify_failed', { detail });
}
