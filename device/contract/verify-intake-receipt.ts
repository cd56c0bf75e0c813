// Opens the bridge's signed answer about one grant's clip, and the vault's answer inside it.
import { failure, TOKEN_FAULT_CODES } from './errors.ts';
import { RecallAnswer } from './hand-over-documents.ts';
import type { ReceiptClip } from './home-messages.ts';
import { openToken, parseToken, type Verify } from './jws.ts';
import { IntakeReceipt } from './manifest.ts';

/** Opens an intake receipt for `grant`. Throws `token_*`, and `verify_failed` when it is about another grant. */
export function openIntake(
  token: string,
  expected: { bridgeKey: string; device: string; grant: string; verify: Verify },
): IntakeReceipt {
  const opened = openToken(token, {
    typ: 'doorsill-intake+jws',
    schema: IntakeReceipt,
    audience: expected.device,
    keys: [expected.bridgeKey],
    verify: expected.verify,
  });
  if (!opened.ok) throw failure(TOKEN_FAULT_CODES[opened.fault]);
  if (opened.claims.grant !== expected.grant)
    throw failure('verify_failed', { detail: 'the receipt is for another grant' });
  return opened.claims;
}

/** Throws `verify_failed` unless the receipt says that exactly this clip is stored. */
export function assertStored(intake: IntakeReceipt, clip: ReceiptClip | null): asserts clip is ReceiptClip {
  const isSame =
    clip !== null &&
    intake.outcome === 'stored' &&
    intake.clipSha256 === clip.sha256 &&
    intake.clipBytes === clip.bytes &&
    intake.manifestSha256 === clip.manifestSha256 &&
    (intake.unopened ?? false) === (clip.sealed !== undefined);
  if (!isSame) throw failure('verify_failed', { detail: 'the receipt is not for the clip that was sent' });
}

/**
 * Throws `verify_failed` unless an answer to a revocation verifies: everything is deleted, or the vault's own signed answer to the recall
 * is in it. `pinned`: the vault's key from the receipt for the stored clip; if null, the bridge's answer names the key.
 */
export function assertAnswered(
  intake: IntakeReceipt,
  clip: ReceiptClip | null,
  pinned: string | null,
  verify: Verify,
): void {
  const refuse = (detail: string) => failure('verify_failed', { detail });
  if (intake.outcome === 'stored') throw refuse('the clip was revoked, but the receipt says that it is stored');
  if (intake.recall === undefined) {
    if (intake.outcome === 'deleted') return;
    throw refuse('the receipt says that the clip is handed over, but holds no answer of the vault');
  }
  const vault = pinned ?? intake.vault;
  const opened = openToken(intake.recall, {
    typ: 'doorsill-recall-answer+jws',
    schema: RecallAnswer,
    audience: intake.grant,
    keys: vault === undefined ? [] : [vault],
    verify,
  });
  if (!opened.ok) throw refuse(`the vault's answer does not verify (${TOKEN_FAULT_CODES[opened.fault]})`);
  const { claims } = opened;
  const isSame =
    claims.grant === intake.grant && (clip === null || (claims.clip === clip.id && claims.clipSha256 === clip.sha256));
  if (!isSame) throw refuse("the vault's answer is about another clip");
  if ((claims.decision === 'erased') !== (intake.outcome === 'deleted')) {
    throw refuse(`the vault says ${claims.decision}, the bridge ${intake.outcome}`);
  }
}

/** The vault's key in a stored clip's receipt, which was verified on arrival; null when it names none. */
export function vaultNamedIn(intake: string | null): string | null {
  const receipt = IntakeReceipt.safeParse(intake === null ? null : parseToken(intake)?.claims);
  return receipt.success ? (receipt.data.vault ?? null) : null;
}
