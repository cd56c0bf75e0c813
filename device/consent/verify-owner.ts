// Verifies an owner's signed message: is it authentic, timely, and allowed here and now? Changes nothing.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { isSealingKey } from '@doorsill/base/hpke';
import { sha256Hex, verifySignature } from '@doorsill/base/keys';
import { fromUtf8 } from '@doorsill/contract/bytes';
import { type ErrorCode, type Failure, failure, TOKEN_FAULT_CODES } from '@doorsill/contract/errors';
import { openToken } from '@doorsill/contract/jws';
import { CLOCK_SKEW_S_MAX, Command, Denial, Grant, mustNameLastOrder, Revoke } from '@doorsill/contract/owner-orders';
import { isSealedAs, recipientOf } from '@doorsill/contract/request-or-search';
import type { Sealing } from '@doorsill/contract/sealing';
import {
  DISCLOSURE_PROFILES,
  type DisclosedValues,
  type DisclosureKey,
  LIFE_S_MAX,
  type Window,
  windowWithin,
} from '@doorsill/contract/shared-claims';
import { PAYLOAD_BYTES_MAX, parseConsentTopic, topicsUnder } from '@doorsill/contract/topics';
import type { AnswerableRequests } from './consent-context.ts';
import type { Footage } from './gate-interfaces.ts';
import type { PreviewTerms } from './live-preview.ts';

/**
 * Maximum age of an owner's message on arrival: long enough for a device that was offline overnight, short enough that a
 * broker cannot keep a grant for later. `exp` bounds the upload that follows.
 */
export const OWNER_MESSAGE_AGE_S_MAX = 24 * 3600;
/** A press is only valid right after it was signed. */
export const PRESS_AGE_S_MAX = 60;
/** Shorter than one frame of every camera. */
export const WINDOW_US_MIN = 1_000;

/** A message as a link delivered it. */
export interface DeliveredMessage {
  topic: string;
  payload: Uint8Array | string;
  /** Whether it was a retained message. */
  retained: boolean;
  /** Whether it came over the device's own server, so that no broker has read it. */
  isPrivate?: boolean;
}

/** An authentic message of a paired owner. */
export type OwnerOrder =
  | { kind: 'grant'; claims: Grant; token: string }
  | { kind: 'deny'; claims: Denial; token: string }
  | { kind: 'revoke'; claims: Revoke; token: string }
  | { kind: 'command'; claims: Command; token: string; isPrivate: boolean };

export type RevokeOrder = Extract<OwnerOrder, { kind: 'revoke' }>;

/** The topic, device and owners that every order's signature is checked against. */
interface Signed {
  audience: string;
  keys: readonly string[];
  verify: typeof verifySignature;
}

/** Opens a message if it is not retained, on its own topic, and signed by a paired owner for this device; else returns the code. */
export function openOwnerMessage(
  message: DeliveredMessage,
  expected: { prefix: string; device: string; owners: readonly string[] },
): OwnerOrder | ErrorCode {
  if (message.retained) return 'message_retained';
  if (message.payload.length > PAYLOAD_BYTES_MAX) return 'token_too_large';
  const payload = typeof message.payload === 'string' ? message.payload : fromUtf8(message.payload);
  if (payload === null) return 'token_malformed';
  const { prefix, device, owners } = expected;
  const at = parseConsentTopic(prefix, device, message.topic);
  const common = { audience: device, keys: owners, verify: verifySignature };
  if (!at) {
    if (message.topic !== topicsUnder(prefix).command(device)) return 'message_topic_mismatch';
    const opened = openToken(payload, { typ: 'doorsill-command+jws', schema: Command, ...common });
    if (!opened.ok) return TOKEN_FAULT_CODES[opened.fault];
    return { kind: 'command', claims: opened.claims, token: opened.token, isPrivate: message.isPrivate === true };
  }
  const order = openConsent(at.action, payload, common);
  return typeof order === 'string' || order.claims.request === at.request ? order : 'message_topic_mismatch';
}

/** Opens a revocation that was verified on arrival and stored on this device's disk; null when it no longer verifies. */
export function openRevocation(
  token: string,
  expected: { device: string; owners: readonly string[] },
): RevokeOrder | null {
  const { device, owners } = expected;
  const order = openRevoke(token, { audience: device, keys: owners, verify: verifySignature });
  return typeof order === 'string' ? null : order;
}

function openConsent(
  action: 'grant' | 'deny' | 'revoke',
  payload: string,
  common: Signed,
): Exclude<OwnerOrder, { kind: 'command' }> | ErrorCode {
  switch (action) {
    case 'grant': {
      const opened = openToken(payload, { typ: 'doorsill-grant+jws', schema: Grant, ...common });
      return opened.ok ? { kind: action, claims: opened.claims, token: opened.token } : TOKEN_FAULT_CODES[opened.fault];
    }
    case 'deny': {
      const opened = openToken(payload, { typ: 'doorsill-denial+jws', schema: Denial, ...common });
      return opened.ok ? { kind: action, claims: opened.claims, token: opened.token } : TOKEN_FAULT_CODES[opened.fault];
    }
    case 'revoke':
      return openRevoke(payload, common);
  }
}

function openRevoke(payload: string, common: Signed): RevokeOrder | ErrorCode {
  const opened = openToken(payload, { typ: 'doorsill-revoke+jws', schema: Revoke, ...common });
  return opened.ok ? { kind: 'revoke', claims: opened.claims, token: opened.token } : TOKEN_FAULT_CODES[opened.fault];
}

/** The clock, requests and footage that a grant is checked against. */
export interface GrantContext {
  clock: Clock;
  clockTrusted: boolean;
  answerable: AnswerableRequests;
  footage: Footage;
  values: DisclosedValues;
}

/** The fault of an order's signing time: in the future or older than `ageS`; null when it is fine. */
export function timeFault(claims: { iat: number }, nowS: number, ageS: number): ErrorCode | null {
  if (claims.iat > nowS + CLOCK_SKEW_S_MAX) return 'consent_not_yet_valid';
  return claims.iat < nowS - ageS ? 'consent_too_old' : null;
}

/** Why a grant is refused now; null when it is accepted. The state machine's own rules are checked before. */
export function grantFault(grant: Grant, context: GrantContext): Failure | null {
  const nowS = wallSeconds(context.clock);
  if (!context.clockTrusted) return failure('consent_clock_untrusted');
  if (grant.exp <= nowS) return failure('consent_grant_expired');
  const untimely = timeFault(grant, nowS, OWNER_MESSAGE_AGE_S_MAX);
  if (untimely) return failure(untimely);
  if (grant.exp - grant.iat > LIFE_S_MAX.grant) return failure('consent_grant_lifetime');
  const opened = context.answerable.find(grant.request);
  if (!opened) return failure(context.answerable.whyNotOpen(grant.request) ?? 'consent_request_unknown');
  if (grant.requestSha256 !== opened.requestSha256) return failure('consent_request_changed');
  if (opened.request.exp <= nowS) return failure('consent_request_expired');
  const standing = context.answerable.standingOf(opened);
  if (standing) return failure(standing);
  const { kind, key } = recipientOf(opened.request, sha256Hex);
  if (grant.recipient.kind !== kind || grant.recipient.key !== key) return failure('consent_wrong_recipient');
  const unsealed = sealingFault(grant, context.answerable.sealingOf(opened));
  if (unsealed) return unsealed;
  const unfit = windowFault(grant, opened.request.window, context);
  if (unfit) return unfit;
  if (grant.clipSha256 !== undefined && !context.footage.isPreviewed(grant)) return failure('preview_changed');
  return disclosureFault(grant, opened.request.profile, context);
}

/** A clip is encrypted exactly as its recipient's signed document says, or not sent: a broker or bridge cannot name another key. */
function sealingFault(grant: Grant, sealing: Sealing | null): Failure | null {
  if (!isSealedAs(grant, sealing)) return failure('consent_sealing_changed');
  return sealing && !isSealingKey(sealing.key) ? failure('consent_sealing_key') : null;
}

/** Why a preview is refused now; null when a grant of the same terms could be accepted. */
export function previewFault(terms: PreviewTerms, context: GrantContext): Failure | null {
  if (!context.clockTrusted) return failure('consent_clock_untrusted');
  const opened = context.answerable.find(terms.request);
  if (!opened) return failure(context.answerable.whyNotOpen(terms.request) ?? 'consent_request_unknown');
  if (opened.request.exp <= wallSeconds(context.clock)) return failure('consent_request_expired');
  const standing = context.answerable.standingOf(opened);
  return standing ? failure(standing) : windowFault(terms, opened.request.window, context);
}

function windowFault(grant: PreviewTerms, asked: Window, context: GrantContext): Failure | null {
  const { window, zones } = grant;
  if (!windowWithin(window, asked)) return failure('consent_window_outside');
  if (window.endUs - window.startUs < WINDOW_US_MIN) return failure('consent_window_too_short');
  if (window.endUs > context.clock.wallUs()) return failure('consent_window_future');
  if (context.footage.coverage(window).length === 0) return failure('consent_window_no_footage');
  if (context.footage.ambiguous(window)) return failure('consent_window_ambiguous');
  const detail = zones.length === 0 ? null : context.footage.zonesFault(window, zones);
  return detail === null ? null : failure('consent_zones_unsupported', { detail });
}

function disclosureFault(
  grant: Grant,
  profile: keyof typeof DISCLOSURE_PROFILES,
  context: GrantContext,
): Failure | null {
  const asked: readonly DisclosureKey[] = DISCLOSURE_PROFILES[profile];
  if (grant.disclose.some((key) => !asked.includes(key))) return failure('consent_disclosure_beyond');
  const missing = grant.disclose.find((key) => context.values[key] === undefined);
  return missing === undefined ? null : failure('consent_disclosure_missing', { key: missing });
}

/** Why a denial is refused; null when it is accepted. With an untrusted clock its time is not checked: a denial is always safe. */
export function denialFault(
  denial: Denial,
  clock: Clock,
  clockTrusted: boolean,
  answerable: AnswerableRequests,
): Failure | null {
  const nowS = wallSeconds(clock);
  const untimely = clockTrusted ? timeFault(denial, nowS, OWNER_MESSAGE_AGE_S_MAX) : null;
  if (untimely) return failure(untimely);
  if (clockTrusted && denial.exp <= nowS) return failure('token_expired');
  const opened = answerable.find(denial.request);
  if (!opened) return failure(answerable.whyNotOpen(denial.request) ?? 'consent_request_unknown');
  return denial.requestSha256 === opened.requestSha256 ? null : failure('consent_request_changed');
}

/** Whether a command has no lasting effect: it decides nothing, and is carried out even while the ledger is damaged. */
export function isMomentary({ command }: Pick<Command, 'command'>): boolean {
  return command.action === 'press' || command.action === 'announce';
}

/**
 * Why a command is refused; null when it is accepted. Its time is checked by the wall clock even when that is not trusted:
 * the owner's signature then vouches for the clock; otherwise `reset-clock-mark` could never be accepted.
 */
export function commandTimeFault(command: Command, clock: Clock): Failure | null {
  const nowS = wallSeconds(clock);
  const untimely = timeFault(command, nowS, isMomentary(command) ? PRESS_AGE_S_MAX : OWNER_MESSAGE_AGE_S_MAX);
  if (command.exp <= nowS) return failure('token_expired');
  return untimely ? failure(untimely) : null;
}

/**
 * Whether a command whose time is wrong by an untrusted clock, as on a board without a battery that starts in 1970, may act.
 * Two kinds may: commands that restrict what the device does, and the command that ends privacy; the latter only if it came over the
 * device's own server, where the owner has just proved to be present. Both must be signed neither before `latestS`, the latest known
 * past time, nor before `signerS`, the time of their signer's last accepted order, so that commands which a broker had kept stay refused.
 */
export function mayActWithoutClock(
  { command, iat, exp }: Command,
  isPrivate: boolean,
  { latestS, signerS }: { latestS: number; signerS: number },
): boolean {
  const restricts = !mustNameLastOrder(command) && !isMomentary({ command }) && command.action !== 'remove-owner';
  const mayAct = restricts || (isPrivate && command.action === 'privacy');
  return mayAct && exp > latestS && iat >= latestS - CLOCK_SKEW_S_MAX && iat >= signerS;
}
