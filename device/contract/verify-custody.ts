// Whether a bridge took a clip in, by its receipt and by the proof of its log, and what the log says became of the clip since. Shared by
// `verify` and the console's page.
import { type CustodyCrypto, FACTS, type FactsOf, type HiddenKind, openProof } from './custody.ts';
import { failure } from './errors.ts';
import { openBySigner } from './jws.ts';
import { IntakeReceipt } from './manifest.ts';
import { parseJson } from './parse-json.ts';
import type { TokenCrypto } from './verify-published-request.ts';

/** Hashing and signature checks, for tokens and for proofs. */
export type DocumentCrypto = CustodyCrypto & TokenCrypto;

/** The known facts of a clip; receipt and proof must agree with them. */
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
  /** SHA-256 of the known document: the full manifest, or the recipient's statement. */
  manifestSha256?: string;
  statementSha256?: string;
}

/** The documents from a bridge, and the key that must have signed them; without `bridgeKey` they are only checked against each other. */
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

/** A verified leaf about a known clip, and its place in the log. */
export type VerifiedLeaf = {
  [Kind in HiddenKind]: { kind: Kind; facts: FactsOf<Kind>; atS: number } & Omit<VerifiedCustody, 'takenS'>;
}[HiddenKind];

/**
 * Verifies by the text of its proof that one leaf of the log, of whatever kind, is about this clip. Throws `verify_failed` with the first
 * thing that does not verify.
 */
export function verifyLeaf(clip: StoredClip, proof: string, bridgeKey: string, crypto: DocumentCrypto): VerifiedLeaf {
  const opened = openProof(proof, crypto);
  if ('why' in opened) return fail(opened.why);
  const { leaf, entry, head, witnesses } = opened;
  if (head.iss !== bridgeKey) fail('the tree head is of another bridge');
  if (!('commitment' in entry)) return fail('the leaf is not one about a clip');
  const facts = FACTS[entry.kind].safeParse(parseJson(opened.facts));
  if (!facts.success) return fail('the leaf lacks facts that its kind must have');
  const named: { [Key in 'grant' | 'clip' | 'clipSha256']?: string | undefined } = facts.data;
  const isAboutIt =
    (named.grant === undefined || named.grant === clip.grant) &&
    (named.clip === undefined || named.clip === clip.clip) &&
    (named.clipSha256 === undefined || named.clipSha256 === clip.clipSha256) &&
    (named.grant !== undefined || named.clip !== undefined);
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

/** Checks the receipt; each receipt names both documents of a clip. */
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

/** Checks the proof: the leaf is in a tree signed by the receipt's signer, and about exactly this receipt and clip. */
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
  const { data } = facts;
  const isAboutIt =
    [data.receiptSha256, data.statementReceiptSha256].includes(crypto.sha256Hex(receiptToken)) &&
    data.clip === clip.clip &&
    data.grant === receipt.grant &&
    data.request === clip.request &&
    data.agency === clip.recipient &&
    data.clipSha256 === clip.clipSha256 &&
    data.clipBytes === clip.clipBytes &&
    data.manifestSha256 === receipt.manifestSha256 &&
    data.statementSha256 === receipt.statementSha256;
  if (!isAboutIt) fail('the leaf is about another receipt or clip');
  const missing = witnessKeys.find((key) => !witnesses.includes(key));
  if (missing !== undefined) fail(`the witness ${missing} has not cosigned the tree head`);
  return { leaf, size: head.size, headS: head.iat, takenS: entry.atS, witnesses };
}

function fail(detail: string): never {
  throw failure('verify_failed', { detail });
}
