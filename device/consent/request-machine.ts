// The lifecycle of one request on this device, as a pure state machine.
import { unreachable } from '@doorsill/contract/assert';
import type { ErrorCode } from '@doorsill/contract/errors';
import type { Receipt, ReceiptClip } from '@doorsill/contract/home-messages';
import type { EndReason } from '../ledger/ledger-entry.ts';

/** A grant by its id and the SHA-256 of its exact token. */
interface GrantRef {
  id: string;
  sha256: string;
}

/** A grant that acted on this request before the current one. */
interface PastGrant extends GrantRef {
  revoked: boolean;
}

/** State of a request. `presented`: the upload token was shown, so the bridge may hold bytes and must be sent a revocation. */
export type RequestStatus =
  | { at: 'unseen' }
  | { at: 'pending' }
  | { at: 'granted'; grant: GrantRef }
  | { at: 'sealed'; grant: GrantRef; clip: ReceiptClip }
  | { at: 'presented'; grant: GrantRef; clip: ReceiptClip }
  | { at: 'delivered'; grant: GrantRef; clip: ReceiptClip }
  | { at: 'revoking'; grant: GrantRef; clip: ReceiptClip }
  | { at: 'revoked'; grant: GrantRef }
  /** Revoked after hand-over: the agency keeps the clip, and its policy decides. */
  | { at: 'recalled'; grant: GrantRef }
  | { at: 'failed'; grant: GrantRef; code: ErrorCode; presented: ReceiptClip | null }
  | { at: 'denied' }
  | { at: 'cancelled'; grant: GrantRef; presented: ReceiptClip | null };
/** A request's status, and the grants before the current one. */
export type RequestState = RequestStatus & { past: readonly PastGrant[] };

/** The state of a request that the device has not seen. */
export const UNSEEN: RequestState = { at: 'unseen', past: [] };

/** Inputs of the machine, all verified. */
export type RequestInput =
  | { type: 'seen' }
  | { type: 'cancelled' }
  | { type: 'grant'; grant: GrantRef }
  | { type: 'deny' }
  | { type: 'revoke'; grant: GrantRef }
  | { type: 'sealed'; grant: string; clip: ReceiptClip }
  | { type: 'presented'; grant: string }
  | { type: 'delivered'; grant: string }
  /** The bridge's answer to a revocation: its parts are deleted, or the clip was handed over and is kept. */
  | { type: 'deleted'; grant: string }
  | { type: 'kept'; grant: string }
  | { type: 'failed'; grant: string; code: ErrorCode }
  | { type: 'ended'; grant: string; reason: Exclude<EndReason, 'cancelled'> };

/**
 * Effects, to be run in order. `record` must be durable before later effects run; when it fails, they do not run and the
 * state stays, but the effects before it (ending a grant) have already run.
 */
export type RequestEffect =
  | { do: 'end-grant'; grant: string; detail: string }
  | { do: 'record' }
  | { do: 'make-clip'; grant: string }
  | { do: 'remove-clip'; grant: string }
  | { do: 'send-revocation'; grant: string }
  | { do: 'receipt'; outcome: Receipt['outcome']; grant?: string; code?: ErrorCode }
  /** Report the request's state again: the first receipt may have been lost. */
  | { do: 'restate' }
  | { do: 'reject'; code: ErrorCode; detail?: string };

/** The next state and its effects. */
export interface Step {
  state: RequestState;
  effects: RequestEffect[];
}

/** Maximum number of grants over one request's lifetime, revoked and failed ones included. */
export const GRANTS_PER_REQUEST_MAX = 16;

/** The error code of each reason for which a grant ends without an owner's revocation. */
export const END_CODES = {
  expired: 'consent_grant_expired',
  cancelled: 'consent_request_cancelled',
  'agency-revoked': 'consent_agency_revoked',
  'owner-removed': 'owner_unknown',
  'bridge-changed': 'device_not_enrolled',
  restored: 'consent_before_restore',
} as const satisfies Record<EndReason, ErrorCode>;

/** The only transition function: it answers every input in every state, with an explicit `reject` where it is not allowed. */
export function next(state: RequestState, input: RequestInput): Step {
  switch (input.type) {
    case 'seen':
      return state.at === 'unseen' ? to(state, { at: 'pending' }, []) : stay(state);
    case 'cancelled':
      return onCancelled(state);
    case 'grant':
      return onGrant(state, input.grant);
    case 'deny':
      return onDeny(state);
    case 'revoke':
      return onRevoke(state, input.grant);
    case 'sealed':
      return onSealed(state, input.grant, input.clip);
    case 'presented':
      return onPresented(state, input.grant);
    case 'delivered':
      return onDelivered(state, input.grant);
    case 'deleted':
    case 'kept':
      return onAnswered(state, input.grant, input.type);
    case 'failed':
      return onFailed(state, input.grant, input.code);
    case 'ended':
      return onFailed(state, input.grant, END_CODES[input.reason]);
    default:
      return unreachable(input);
  }
}

/** The grant that may still lead to an upload in this state; null when none does. */
export function unfinishedGrant(state: RequestState): GrantRef | null {
  return state.at === 'granted' || state.at === 'sealed' || state.at === 'presented' ? state.grant : null;
}

/** The grant that can still be revoked because its clip is, or may come, at the bridge or beyond; null when there is none. */
export function revocableGrant(state: RequestState): GrantRef | null {
  switch (state.at) {
    case 'delivered':
    case 'revoking':
      return state.grant;
    case 'failed':
    case 'cancelled':
      return state.presented ? state.grant : null;
    default:
      return unfinishedGrant(state);
  }
}

/** The grant this state is about, live or not; null when there is none. */
export function currentGrant(state: RequestState): GrantRef | null {
  return 'grant' in state ? state.grant : null;
}

function stay(state: RequestState, effects: RequestEffect[] = []): Step {
  return { state, effects };
}

function to(from: RequestState, standing: RequestStatus, effects: RequestEffect[]): Step {
  return { state: { ...standing, past: from.past }, effects };
}

function reject(state: RequestState, code: ErrorCode, detail?: string): Step {
  return { state, effects: [{ do: 'reject', code, ...(detail === undefined ? {} : { detail }) }] };
}

function onCancelled(state: RequestState): Step {
  const grant = unfinishedGrant(state);
  if (!grant) return stay(state);
  const presented = state.at === 'presented' ? state.clip : null;
  return to(state, { at: 'cancelled', grant, presented }, stopped(grant.id, 'consent_request_cancelled'));
}

/** The effects of a grant that ends without a revocation. */
function stopped(grant: string, code: ErrorCode): RequestEffect[] {
  return [
    { do: 'end-grant', grant, detail: code },
    { do: 'record' },
    { do: 'remove-clip', grant },
    { do: 'receipt', outcome: 'failed', grant, code },
  ];
}

function onGrant(state: RequestState, grant: GrantRef): Step {
  const before = state.past.find((past) => past.id === grant.id);
  if (before) return reject(state, before.revoked ? 'consent_revoked_before' : 'consent_replayed');
  const current = currentGrant(state);
  if (current?.id === grant.id) return onSameGrant(state, current, grant);
  switch (state.at) {
    case 'unseen':
      return reject(state, 'consent_request_unknown');
    case 'pending':
      return begin(state, grant, state.past);
    case 'revoked':
      return begin(state, grant, [...state.past, { ...state.grant, revoked: true }]);
    case 'failed':
      // The bridge may hold parts under the failed grant; the owner can revoke that one first.
      if (state.presented) return reject(state, 'consent_already_granted', 'the failed one had reached the bridge');
      return begin(state, grant, [...state.past, { ...state.grant, revoked: false }]);
    case 'granted':
    case 'sealed':
    case 'presented':
    case 'delivered':
    case 'recalled':
      return reject(state, 'consent_already_granted');
    case 'revoking':
      return reject(state, 'consent_already_granted', 'its revocation has not reached the bridge yet');
    case 'denied':
      return reject(state, 'consent_denied_before');
    case 'cancelled':
      return reject(state, 'consent_request_cancelled');
    default:
      return unreachable(state);
  }
}

function begin(state: RequestState, grant: GrantRef, past: readonly PastGrant[]): Step {
  if (past.length >= GRANTS_PER_REQUEST_MAX) return reject(state, 'consent_too_many');
  return {
    state: { at: 'granted', grant, past },
    effects: [
      { do: 'record' },
      { do: 'make-clip', grant: grant.id },
      { do: 'receipt', outcome: 'granted', grant: grant.id },
    ],
  };
}

/** Whether the request awaits an owner's decision: its first, or another one after a granted clip could not be made. */
export function awaitsOwner(state: RequestState): boolean {
  return state.at === 'pending' || (state.at === 'failed' && state.presented === null);
}

/** Answers a repeated grant like the first time, without a second effect. */
function onSameGrant(state: RequestState, current: GrantRef, grant: GrantRef): Step {
  if (current.sha256 !== grant.sha256) return reject(state, 'consent_replayed');
  switch (state.at) {
    case 'revoking':
    case 'revoked':
    case 'recalled':
      return reject(state, 'consent_revoked_before');
    case 'cancelled':
      return reject(state, 'consent_request_cancelled');
    case 'failed':
      return stay(state, [{ do: 'receipt', outcome: 'failed', grant: grant.id, code: state.code }]);
    default:
      return stay(state, [{ do: 'restate' }]);
  }
}

function onDeny(state: RequestState): Step {
  switch (state.at) {
    case 'unseen':
      return reject(state, 'consent_request_unknown');
    case 'pending':
    case 'revoked':
      return to(state, { at: 'denied' }, [{ do: 'record' }, { do: 'receipt', outcome: 'denied' }]);
    case 'failed':
      if (state.presented) return reject(state, 'consent_deny_after_grant');
      return to(state, { at: 'denied' }, [{ do: 'record' }, { do: 'receipt', outcome: 'denied' }]);
    case 'denied':
      return stay(state, [{ do: 'receipt', outcome: 'denied' }]);
    case 'cancelled':
      return reject(state, 'consent_request_cancelled');
    default:
      return reject(state, 'consent_deny_after_grant');
  }
}

function onRevoke(state: RequestState, named: GrantRef): Step {
  const past = state.past.find((one) => one.id === named.id);
  if (past?.revoked) return stay(state, [{ do: 'receipt', outcome: 'revoked', grant: named.id }]);
  const grant = currentGrant(state);
  if (!grant || grant.id !== named.id || grant.sha256 !== named.sha256) {
    return reject(state, 'consent_nothing_to_revoke');
  }
  const end: RequestEffect[] = [{ do: 'end-grant', grant: grant.id, detail: 'it was revoked' }, { do: 'record' }];
  const receipt: RequestEffect = { do: 'receipt', outcome: 'revoked', grant: grant.id };
  const remove: RequestEffect = { do: 'remove-clip', grant: grant.id };
  const tell: RequestEffect = { do: 'send-revocation', grant: grant.id };
  switch (state.at) {
    case 'granted':
    case 'sealed':
      return to(state, { at: 'revoked', grant }, [...end, remove, receipt]);
    case 'presented':
    case 'delivered':
      return to(state, { at: 'revoking', grant, clip: state.clip }, [...end, remove, tell, receipt]);
    case 'failed':
    case 'cancelled':
      if (!state.presented) return reject(state, 'consent_nothing_to_revoke');
      return to(state, { at: 'revoking', grant, clip: state.presented }, [...end, remove, tell, receipt]);
    case 'recalled':
      return stay(state, [{ do: 'receipt', outcome: 'recalled', grant: grant.id }]);
    default:
      return stay(state, [receipt]);
  }
}

function onSealed(state: RequestState, grant: string, clip: ReceiptClip): Step {
  if (state.at === 'granted' && state.grant.id === grant) {
    const effects: RequestEffect[] = [{ do: 'record' }, { do: 'receipt', outcome: 'sealed', grant }];
    return to(state, { at: 'sealed', grant: state.grant, clip }, effects);
  }
  const isSame =
    (state.at === 'sealed' || state.at === 'presented') &&
    state.grant.id === grant &&
    state.clip.sha256 === clip.sha256 &&
    state.clip.manifestSha256 === clip.manifestSha256;
  // One grant, one clip: a second clip for the same grant is refused, whatever made it.
  return isSame ? stay(state) : reject(state, 'grant_dead', `a clip cannot be sealed when ${state.at}`);
}

function onPresented(state: RequestState, grant: string): Step {
  if (state.at === 'sealed' && state.grant.id === grant) {
    return to(state, { at: 'presented', grant: state.grant, clip: state.clip }, [{ do: 'record' }]);
  }
  if (state.at === 'presented' && state.grant.id === grant) return stay(state);
  return reject(state, 'grant_dead', `a token cannot be presented when ${state.at}`);
}

function onDelivered(state: RequestState, grant: string): Step {
  if (currentGrant(state)?.id !== grant) return reject(state, 'grant_dead', 'it is not the present grant');
  switch (state.at) {
    case 'presented':
      return delivered(state, state.grant, state.clip);
    case 'failed':
    case 'cancelled':
      // The bridge had the clip before the grant ended, so its delivery is recorded.
      if (!state.presented) return reject(state, 'grant_dead', `nothing was sent when ${state.at}`);
      return delivered(state, state.grant, state.presented);
    case 'revoking':
    case 'delivered':
      return stay(state);
    default:
      return reject(state, 'grant_dead', `nothing can be delivered when ${state.at}`);
  }
}

function delivered(state: RequestState, grant: GrantRef, clip: ReceiptClip): Step {
  return to(state, { at: 'delivered', grant, clip }, [
    { do: 'record' },
    { do: 'end-grant', grant: grant.id, detail: 'its clip is delivered' },
    { do: 'remove-clip', grant: grant.id },
    { do: 'receipt', outcome: 'sent', grant: grant.id },
  ]);
}

function onAnswered(state: RequestState, grant: string, answer: 'deleted' | 'kept'): Step {
  if (state.at === 'revoking' && state.grant.id === grant) {
    const at = answer === 'deleted' ? 'revoked' : 'recalled';
    const outcome = answer === 'deleted' ? 'deleted' : 'recalled';
    return to(state, { at, grant: state.grant }, [{ do: 'record' }, { do: 'receipt', outcome, grant }]);
  }
  const isRepeat = (state.at === 'revoked' || state.at === 'recalled') && state.grant.id === grant;
  return isRepeat ? stay(state) : reject(state, 'grant_dead', `no revocation is under way when ${state.at}`);
}

function onFailed(state: RequestState, grant: string, code: ErrorCode): Step {
  const current = unfinishedGrant(state);
  if (current?.id !== grant) return reject(state, 'grant_dead', `it does not act when ${state.at}`);
  const presented = state.at === 'presented' ? state.clip : null;
  return to(state, { at: 'failed', grant: current, code, presented }, stopped(grant, code));
}
