// Owns: opening the bridge's signed answer about one grant's clip. Not here: what follows from it (machine.ts).
import { verifySignature } from '../base/keys.ts';
import { failure, TOKEN_FAULT_CODES } from '../protocol/errors.ts';
import { openToken } from '../protocol/jws.ts';
import { type IntakeReceipt, intakeReceiptSchema } from '../protocol/manifest.ts';
import type { ClipFacts } from './ledger-entry.ts';

/** Opens an intake receipt for `grant`. Throws `token_*`, and `verify_failed` when it is about another grant. */
export function openIntake(
  token: string,
  expected: { bridgeKey: string; device: string; grant: string },
): IntakeReceipt {
  const opened = openToken(token, {
    typ: 'doorsill-intake+jws',
    schema: intakeReceiptSchema,
    audience: expected.device,
    keys: [expected.bridgeKey],
    verify: verifySignature,
  });
  if (!opened.ok) throw failure(TOKEN_FAULT_CODES[opened.fault]);
  if (opened.claims.grant !== expected.grant)
    throw failure('verify_failed', { detail: 'the receipt is for another grant' });
  return opened.claims;
}

/** Throws `verify_failed` unless the receipt says that exactly this clip is stored. */
export function assertStored(intake: IntakeReceipt, clip: ClipFacts | null): void {
  const isSame =
    clip !== null &&
    intake.outcome === 'stored' &&
    intake.clipSha256 === clip.sha256 &&
    intake.clipBytes === clip.bytes &&
    intake.manifestSha256 === clip.manifestSha256;
  if (!isSame) throw failure('verify_failed', { detail: 'the receipt is not for the clip that was sent' });
}
