// Owns: the owner's side of a request notice: it opens the agency's own bytes itself and hashes what it shows.
// Not here: the device's own checks (consent/), signing an answer (sign-owner-messages.ts).

import type { Clock } from '../base/clock.ts';
import { wallSeconds } from '../base/clock.ts';
import { sha256Hex, verifySignature } from '../base/keys.ts';
import { parseJson } from '../base/parse-json.ts';
import { failure } from '../protocol/errors.ts';
import { requestNoticeSchema } from '../protocol/home-messages.ts';
import {
  DISCLOSURE_PROFILES,
  type DisclosedValues,
  type DisclosureKey,
  type Window,
} from '../protocol/shared-claims.ts';
import { PAYLOAD_BYTES_MAX } from '../protocol/topics.ts';
import {
  asksBeyond,
  credentialFault,
  type OpenedRequest,
  openPublished,
  type Trust,
} from '../protocol/verify-published-request.ts';

/** What the owner's side pinned at pairing: its device, and that device's bridge and registry. */
export interface OwnerTrust extends Trust {
  device: string;
  /** State agencies are served only if the device's setting allows it. */
  serveStateAgencies?: boolean;
}

/** A request the owner's side has verified itself: all of it may be shown, and an answer may name its hash. */
export interface VerifiedNotice extends OpenedRequest {
  device: string;
  /** What the device says it would disclose: the requested keys it has values for. The device's claim, not the agency's. */
  wouldDisclose: DisclosedValues;
  askedKeys: readonly DisclosureKey[];
  /** Spans of the requested window for which the device says it has footage. */
  coverage: Window[];
}

/**
 * Reads a payload of the `request` topic. Throws `token_malformed`, `token_too_large` for a payload that is not a notice,
 * `message_topic_mismatch` for another device's, `consent_credential_*`, `consent_agency_ineligible`,
 * `consent_partner_ended`, `consent_request_beyond`, `consent_request_changed`, `consent_request_expired` and `token_*` for a request that must not be answered.
 */
export function readNotice(payload: string, trust: OwnerTrust, clock: Clock): VerifiedNotice {
  if (payload.length > PAYLOAD_BYTES_MAX) throw failure('token_too_large');
  const notice = requestNoticeSchema.safeParse(parseJson(payload));
  if (!notice.success) throw failure('token_malformed');
  const { device, published, wouldDisclose, coverage } = notice.data;
  if (device !== trust.device) throw failure('message_topic_mismatch');
  const read = openPublished(published, trust, { verify: verifySignature, sha256Hex });
  if (!read.ok) throw failure(read.code);
  const nowS = wallSeconds(clock);
  const standing = credentialFault(read.opened.credential, nowS, trust.serveStateAgencies ?? false);
  if (standing) throw failure(standing);
  if (asksBeyond(read.opened.request, read.opened.credential)) throw failure('consent_request_beyond');
  if (read.opened.request.exp <= nowS) throw failure('consent_request_expired');
  const askedKeys: readonly DisclosureKey[] = DISCLOSURE_PROFILES[read.opened.request.profile];
  const beyond = Object.keys(wouldDisclose).some((key) => !askedKeys.some((asked) => asked === key));
  if (beyond) throw failure('consent_disclosure_beyond');
  return { ...read.opened, device, wouldDisclose, askedKeys, coverage };
}
