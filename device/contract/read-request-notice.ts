// The owner's side of a request notice: opens the agency's own bytes and hashes what is shown, instead of believing the device's summary.
import { failure } from './errors.ts';
import { RequestNotice } from './home-messages.ts';
import { parseJson } from './parse-json.ts';
import { DISCLOSURE_PROFILES, type DisclosedValues, type DisclosureKey, type Window } from './shared-claims.ts';
import { PAYLOAD_BYTES_MAX } from './topics.ts';
import {
  asksBeyond,
  credentialFault,
  type OpenedRequest,
  openPublished,
  type TokenCrypto,
  type Trust,
} from './verify-published-request.ts';

/** Pinned by the owner's side at pairing: its device, and that device's bridge and registry. */
export interface OwnerTrust extends Trust {
  device: string;
  /** State agencies are served only if the device's setting allows it. */
  serveStateAgencies?: boolean;
}

/** Supplied by the reader: the time in seconds since 1970, hashing and signature checks. */
export interface Reading extends TokenCrypto {
  nowS: number;
}

/** A request that the owner's side has verified itself: all of it may be shown, and an answer may name its hash. */
export interface VerifiedNotice extends OpenedRequest {
  device: string;
  /** The requested keys that the device has values for, with those values: the device's claim, not the agency's. */
  wouldDisclose: DisclosedValues;
  askedKeys: readonly DisclosureKey[];
  /** Spans of the requested window for which the device says it has footage. */
  coverage: Window[];
}

/**
 * Reads a payload of the `request` topic. Throws `token_malformed` or `token_too_large` for a payload that is not a notice,
 * `message_topic_mismatch` for another device's notice, `consent_credential_*`, `consent_agency_ineligible`, `consent_partner_ended`,
 * `consent_request_*` and `token_*` for a request that must not be answered, `consent_disclosure_beyond` for a value that it does not ask.
 */
export function readNotice(payload: string, trust: OwnerTrust, reading: Reading): VerifiedNotice {
  if (payload.length > PAYLOAD_BYTES_MAX) throw failure('token_too_large');
  const notice = RequestNotice.safeParse(parseJson(payload));
  if (!notice.success) throw failure('token_malformed');
  const { device, published, wouldDisclose, coverage } = notice.data;
  if (device !== trust.device) throw failure('message_topic_mismatch');
  const read = openPublished(published, trust, reading);
  if (!read.ok) throw failure(read.code);
  const { nowS } = reading;
  const standing = credentialFault(read.opened.credential, nowS, trust.serveStateAgencies ?? false);
  if (standing) throw failure(standing);
  if (asksBeyond(read.opened.request, read.opened.credential)) throw failure('consent_request_beyond');
  if (read.opened.request.exp <= nowS) throw failure('consent_request_expired');
  const askedKeys: readonly DisclosureKey[] = DISCLOSURE_PROFILES[read.opened.request.profile];
  const beyond = Object.keys(wouldDisclose).some((key) => !askedKeys.some((asked) => asked === key));
  if (beyond) throw failure('consent_disclosure_beyond');
  return { ...read.opened, device, wouldDisclose, askedKeys, coverage };
}
