// Checks everything that proves what became of a clip that was sent, the bridge's receipts and the leaves of its log, against the device's
// own record. Shared by the console's page and the command line.
import { type FactsOf, printProof } from './custody.ts';
import { failure, isFailure } from './errors.ts';
import { actorId } from './ids.ts';
import { openBySigner, parseToken } from './jws.ts';
import { IntakeReceipt } from './manifest.ts';
import type { SentClip, SentClipCustody } from './sent-clips.ts';
import { Verdict } from './verdict.ts';
import {
  type DocumentCrypto,
  type StoredClip,
  type VerifiedLeaf,
  verifyCustody,
  verifyLeaf,
} from './verify-custody.ts';
import { assertAnswered, openIntake, vaultNamedIn } from './verify-intake-receipt.ts';

/**
 * One document: its verified content, or why it does not verify. `stored`: the receipt for the whole clip; `answer`: the receipt about a
 * revocation; `leaf`: a leaf of the bridge's log.
 */
export type SentClipFinding =
  | { of: 'stored' | 'answer'; ok: true; receipt: IntakeReceipt }
  | { of: 'leaf'; ok: true; leaf: VerifiedLeaf }
  | { of: 'stored' | 'answer' | 'leaf'; ok: false; why: string };

/** The result of checking one clip's documents. */
export interface SentClipCheck {
  findings: SentClipFinding[];
  /** Whether there was at least one document, and all of them verify. */
  holds: boolean;
  /** The latest leaf that verifies and tells where the clip is: a verdict on it does not. */
  last: VerifiedLeaf | null;
  /** Whether the bridge has shown every leaf about the clip. */
  isWhole: boolean;
}

/** The documents must be addressed to this device and signed by the bridge that it pinned. */
interface DepartureParties {
  device: string;
  bridgeKey: string;
}

/**
 * Checks the documents that the bridge shows, and the receipts that the device keeps, against the device's record. Where both have a
 * receipt, both are checked, so that a bridge that shows another receipt than it gave is found out.
 */
export function checkSentClip(
  departure: SentClip,
  shown: SentClipCustody,
  parties: DepartureParties,
  crypto: DocumentCrypto,
): SentClipCheck {
  const clip = clipOf(departure, parties.device);
  const { stored, standing } = departure;
  const kept = [stored?.receipt ?? null, standing.at === 'answered' ? standing.receipt : null];
  const receipts = [...new Set([...kept, shown.receipt])].filter((receipt) => receipt !== null);
  const known: KnownDocuments = {
    stored: receipts.find((receipt) => outcomeIn(receipt) === 'stored'),
    answer: receipts.findLast((receipt) => ['deleted', 'recalled'].includes(outcomeIn(receipt))),
    verdicts: shown.verdicts ?? [],
  };
  const findings = [
    ...receipts.map((receipt) => checkReceipt(receipt, departure, clip, known, parties, crypto)),
    ...shown.leaves.map((proof) => checkLeaf(printProof(proof), clip, known, parties, crypto)),
  ];
  const leaves = findings.flatMap((finding) =>
    finding.of === 'leaf' && finding.ok && finding.leaf.kind !== 'opening' ? [finding.leaf] : [],
  );
  return {
    findings,
    holds: findings.length > 0 && findings.every(({ ok }) => ok),
    last: leaves.sort((a, b) => a.leaf - b.leaf).at(-1) ?? null,
    isWhole: shown.isWhole,
  };
}

/** Where a receipt is known, leaves must be about it. */
interface KnownDocuments {
  stored: string | undefined;
  answer: string | undefined;
  /** As the bridge shows them. */
  verdicts: readonly string[];
}

function checkReceipt(
  token: string,
  { grant, clip: cut, stored }: SentClip,
  clip: StoredClip,
  known: KnownDocuments,
  { device, bridgeKey }: DepartureParties,
  crypto: DocumentCrypto,
): SentClipFinding {
  const of = outcomeIn(token) === 'stored' ? 'stored' : 'answer';
  return finding(of, () => {
    if (of === 'stored') {
      const { receipt } = verifyCustody(clip, { receipt: token, bridgeKey }, crypto);
      if (known.stored !== token) refuse('the bridge shows another receipt than the one that this device keeps');
      return { of, ok: true, receipt };
    }
    const receipt = openIntake(token, { bridgeKey, device, grant, verify: crypto.verify });
    // A bridge that had received nothing cannot name a clip.
    const named = receipt.clipBytes === 0 ? null : cut;
    if (named && (receipt.clipSha256 !== named.sha256 || receipt.clipBytes !== named.bytes))
      refuse('the receipt is for another clip');
    assertAnswered(receipt, named, vaultNamedIn(stored?.receipt ?? null), crypto.verify);
    return { of, ok: true, receipt };
  });
}

function checkLeaf(
  proof: string,
  clip: StoredClip,
  known: KnownDocuments,
  { bridgeKey }: DepartureParties,
  crypto: DocumentCrypto,
): SentClipFinding {
  return finding('leaf', () => {
    const leaf = verifyLeaf(clip, proof, bridgeKey, crypto);
    const { stored, answer } = known;
    if (leaf.kind === 'intake' && stored !== undefined)
      verifyCustody(clip, { receipt: stored, bridgeKey, proof }, crypto);
    const hash = (text: string | undefined) => (text === undefined ? undefined : crypto.sha256Hex(text));
    if (leaf.kind === 'deletion' && answer !== undefined && leaf.facts.receiptSha256 !== hash(answer))
      refuse('the leaf is about another receipt');
    const recalled = answer === undefined ? undefined : receiptIn(answer)?.recall;
    const isAnswered = leaf.kind === 'recall' && leaf.facts.answerSha256 !== undefined && recalled !== undefined;
    if (isAnswered && leaf.facts.answerSha256 !== hash(recalled))
      refuse('the leaf is about another answer of the vault');
    if (leaf.kind === 'opening') assertVerdict(leaf.facts, clip, known, bridgeKey, crypto);
    return { of: 'leaf', ok: true, leaf };
  });
}

/** Throws `verify_failed` unless a leaf about an opened clip has its verdict: the bridge cannot sign one in the name of who opened it. */
function assertVerdict(
  { by, outcome, verdictSha256 }: FactsOf<'opening'>,
  clip: StoredClip,
  { stored, verdicts }: KnownDocuments,
  bridgeKey: string,
  { sha256Hex, verify }: DocumentCrypto,
): void {
  const token = verdicts.find((verdict) => sha256Hex(verdict) === verdictSha256);
  const claims = openVerdict(token, verify);
  const receipt = stored === undefined ? null : receiptIn(stored);
  const signer = sha256Hex(claims.iss);
  const isSigner =
    by === 'vault'
      ? claims.iss === receipt?.vault
      : [actorId('agency', signer), actorId('owner', signer)].includes(clip.recipient);
  if (!isSigner) refuse(`the verdict is not signed by the ${by}`);
  const isAboutIt =
    claims.aud === actorId('bridge', sha256Hex(bridgeKey)) &&
    claims.grant === clip.grant &&
    claims.clip === clip.clip &&
    claims.clipSha256 === clip.clipSha256 &&
    claims.statementSha256 === receipt?.statementSha256 &&
    claims.outcome === outcome;
  if (!isAboutIt) refuse('the verdict says something else than the leaf');
}

function openVerdict(token: string | undefined, verify: DocumentCrypto['verify']): Verdict {
  if (token === undefined) return refuse('the verdict that the leaf is about is not shown');
  const read = openBySigner(token, { typ: 'doorsill-verdict+jws', schema: Verdict, verify });
  return read.ok ? read.claims : refuse(`the verdict ${read.why}`);
}

/** The clip according to the device's own record. */
function clipOf({ clip, grant, request, recipient }: SentClip, device: string): StoredClip {
  return {
    clip: clip.id,
    grant,
    request,
    recipient: recipient.id,
    device,
    clipSha256: clip.sha256,
    clipBytes: clip.bytes,
    manifestSha256: clip.manifestSha256,
  };
}

/** A receipt's claims, not yet verified. */
function receiptIn(token: string): IntakeReceipt | null {
  return IntakeReceipt.safeParse(parseToken(token)?.claims).data ?? null;
}

function outcomeIn(token: string): string {
  return receiptIn(token)?.outcome ?? '';
}

function finding(of: SentClipFinding['of'], check: () => SentClipFinding): SentClipFinding {
  try {
    return check();
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    return { of, ok: false, why: String(thrown.facts['detail'] ?? thrown.message) };
  }
}

function refuse(detail: string): never {
  throw failure('verify_failed', { detail });
}
