// The owner's side of a sighting: opens the poster's own bytes and hashes what is shown, instead of believing the device's summary.
import { failure } from './errors.ts';
import { type Sighted, SightingNotice } from './home-messages.ts';
import { parseJson } from './parse-json.ts';
import type { OwnerTrust, Reading } from './read-request-notice.ts';
import { type OpenedSearch, openSearch } from './search.ts';
import { DISCLOSURE_PROFILES, type DisclosedValues, type DisclosureKey, windowWithin } from './shared-claims.ts';
import { PAYLOAD_BYTES_MAX } from './topics.ts';

/** A sighting whose search the owner's side has verified itself: all of it may be shown, and an answer may name its hash. */
export interface VerifiedSighting extends OpenedSearch {
  device: string;
  /** When the device may have seen the pet, most similar first: its claim, not the poster's. */
  sighted: [Sighted, ...Sighted[]];
  wouldDisclose: DisclosedValues;
  askedKeys: readonly DisclosureKey[];
}

/**
 * Reads a payload of the `sighting` topic. Throws `token_malformed` or `token_too_large` for a payload that is not a sighting,
 * `message_topic_mismatch` for another device's, `consent_request_changed`, `consent_request_expired`, `consent_window_outside`,
 * `consent_disclosure_beyond` and `token_*` for a search that must not be answered.
 */
export function readSighting(payload: string, trust: OwnerTrust, reading: Reading): VerifiedSighting {
  if (payload.length > PAYLOAD_BYTES_MAX) throw failure('token_too_large');
  const notice = SightingNotice.safeParse(parseJson(payload));
  if (!notice.success) throw failure('token_malformed');
  const { device, papers, sighted, wouldDisclose } = notice.data;
  if (device !== trust.device) throw failure('message_topic_mismatch');
  const read = openSearch(papers, trust, reading);
  if (!read.ok) throw failure(read.code);
  const { request } = read.opened;
  if (request.exp <= reading.nowS) throw failure('consent_request_expired');
  if (sighted.some(({ window }) => !windowWithin(window, request.window))) throw failure('consent_window_outside');
  const askedKeys: readonly DisclosureKey[] = DISCLOSURE_PROFILES[request.profile];
  const beyond = Object.keys(wouldDisclose).some((key) => !askedKeys.some((asked) => asked === key));
  if (beyond) throw failure('consent_disclosure_beyond');
  const [first, ...rest] = sighted;
  if (!first) throw failure('token_malformed');
  return { ...read.opened, device, sighted: [first, ...rest], wouldDisclose, askedKeys };
}
