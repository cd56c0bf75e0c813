// Owns: the bodies of receipts: for a step just taken, for a refusal, and for where a request stands.
// Not here: stamping and signing them (home-link/).
import type { Failure } from '../protocol/errors.ts';
import type { ReceiptBody } from '../protocol/home.ts';
import type { RequestRecord } from './gate-state.ts';
import type { OwnerOrder } from './verify-owner.ts';

const DETAIL_LETTERS_MAX = 600;

/** A no to an authentic message, with what to do about it. */
export function refusalReceipt(order: OwnerOrder, why: Failure): ReceiptBody {
  const detail = `${why.message} ${why.advice}`.slice(0, DETAIL_LETTERS_MAX);
  const about = { outcome: 'refused', answers: order.claims.jti, code: why.code, detail } as const;
  switch (order.kind) {
    case 'command':
      return about;
    case 'deny':
      return { ...about, request: order.claims.request };
    case 'grant':
      return { ...about, request: order.claims.request, grant: order.claims.jti };
    case 'revoke':
      return { ...about, request: order.claims.request, grant: order.claims.grant };
  }
}

/** Where a request stands, as a receipt that answers no message: repeated because an earlier one may have been lost. */
export function standingReceipt(request: string, record: RequestRecord): ReceiptBody | null {
  const { state, intake } = record;
  switch (state.at) {
    case 'unseen':
    case 'pending':
    case 'expired':
      return null;
    case 'denied':
      return { outcome: 'denied', request };
    case 'cancelled':
      return state.grant && { outcome: 'failed', request, grant: state.grant.id, code: 'consent_request_cancelled' };
    case 'failed':
      return { outcome: 'failed', request, grant: state.grant.id, code: state.code };
    case 'granted':
      return { outcome: 'granted', request, grant: state.grant.id, grantSha256: state.grant.sha256 };
    case 'sealed':
    case 'presented':
      return { outcome: 'sealed', request, grant: state.grant.id, grantSha256: state.grant.sha256, clip: state.clip };
    case 'delivered':
      return {
        outcome: 'sent',
        request,
        grant: state.grant.id,
        grantSha256: state.grant.sha256,
        clip: state.clip,
        ...(intake === null ? {} : { intake }),
      };
    case 'revoking':
      // The clip is named: the bridge may have some of it, and its word that it is erased is still to come.
      return { outcome: 'revoked', request, grant: state.grant.id, clip: state.clip };
    case 'revoked':
      return intake === null
        ? { outcome: 'revoked', request, grant: state.grant.id }
        : { outcome: 'deleted', request, grant: state.grant.id, intake };
    case 'recalled':
      return { outcome: 'recalled', request, grant: state.grant.id, ...(intake === null ? {} : { intake }) };
  }
}
