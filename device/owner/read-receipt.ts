// Verifies a device's receipt on the owner's side.
import { verifySignature } from '@doorsill/base/keys';
import { type Failure, failure, isErrorCode, reportedFailure, TOKEN_FAULT_CODES } from '@doorsill/contract/errors';
import { Receipt } from '@doorsill/contract/home-messages';
import { openToken } from '@doorsill/contract/jws';

const RECEIPT_AUDIENCE = 'owner';

/** Opens a receipt of the paired device: only one that it signed proves anything. Throws `token_*`, also for another device's id in it. */
export function readReceipt(payload: string, device: { id: string; key: string }): Receipt {
  const opened = openToken(payload.trim(), {
    typ: 'doorsill-receipt+jws',
    schema: Receipt,
    audience: RECEIPT_AUDIENCE,
    keys: [device.key],
    verify: verifySignature,
  });
  if (!opened.ok) throw failure(TOKEN_FAULT_CODES[opened.fault]);
  if (opened.claims.device !== device.id) throw failure('token_unknown_claims');
  return opened.claims;
}

/** The failure that a receipt of outcome `refused` or `failed` names. */
export function refusalInReceipt({ code, detail, outcome }: Receipt): Failure {
  if (code && isErrorCode(code)) return reportedFailure(code, detail ?? 'The device’s log says more.');
  return failure('internal', { detail: `the device answered ${outcome} with the unknown code ${code}` });
}
