// Owns: the owner's signed messages: grant, denial, revocation, command, each with a fresh id.
// Not here: reading the request (read-request-notice.ts), sending the message (the CLI, console), verifying it (consent/).

import { assert } from '../base/assert.ts';
import { type Clock, wallSeconds } from '../base/clock.ts';
import { type SigningKey, sha256Hex } from '../base/keys.ts';
import { freshId, type Random } from '../base/random.ts';
import { CUSTODY_CALL_LIFE_S_MAX, type CustodyCall } from '../protocol/custody.ts';
import { signToken } from '../protocol/jws.ts';
import {
  CLIP_BYTES_DEFAULT,
  type Command,
  type CommandAction,
  type Denial,
  type Grant,
  mustNameLastOrder,
  type Revoke,
  STILL_CALL_LIFE_S_MAX,
  type StillCall,
} from '../protocol/owner-orders.ts';
import { recipientOf } from '../protocol/request-or-search.ts';
import type { Search, SearchAction, SearchCall } from '../protocol/search.ts';
import { SEARCH_CALL_LIFE_S_MAX } from '../protocol/search.ts';
import { DISCLOSURE_KEYS, type DisclosureKey, type Window, type Zone } from '../protocol/shared-claims.ts';
import type { VerifiedNotice } from './read-request-notice.ts';
import type { VerifiedSighting } from './read-sighting.ts';

/** The signer, and the source of time and ids. */
export interface Signer {
  key: SigningKey;
  clock: Clock;
  random: Random;
}

/** A signed message with its id, which the receipt will name. */
export interface Signed<Claims> {
  token: string;
  jti: string;
  claims: Claims;
}

const GRANT_LIFE_S_DEFAULT = 24 * 3600;
const DENIAL_LIFE_S = 24 * 3600;
const COMMAND_LIFE_S = 600;

/**
 * The owner's choices; everything else follows from the request. Default: the whole window, no sound, no fact about
 * the owner. Nothing leaves unless it is named.
 */
export interface GrantChoice {
  window?: Window;
  audio?: boolean;
  zones?: Zone[];
  disclose?: readonly DisclosureKey[];
  byteLimit?: number;
  /** SHA-256 of a previewed clip: these very bytes leave, or none. */
  clipSha256?: string;
  lifeS?: number;
}

/** Signs consent to one clip for the requester: an agency, or a neighbour whose pet may have been seen. */
export function makeGrant(
  signer: Signer,
  notice: VerifiedNotice | VerifiedSighting,
  choice: GrantChoice = {},
): Signed<Grant> {
  const { kind, key } = recipientOf(notice.request, sha256Hex);
  const disclose = choice.disclose ?? [];
  const claims: Grant = {
    ...header(signer, notice.device, 'grant'),
    exp: wallSeconds(signer.clock) + (choice.lifeS ?? GRANT_LIFE_S_DEFAULT),
    request: notice.request.jti,
    requestSha256: notice.requestSha256,
    recipient: { kind, key },
    window: choice.window ?? ('sighted' in notice ? notice.sighted[0].window : notice.request.window),
    audio: choice.audio ?? false,
    zones: choice.zones ?? [],
    disclose: DISCLOSURE_KEYS.filter((key) => disclose.includes(key)),
    byteLimit: choice.byteLimit ?? CLIP_BYTES_DEFAULT,
    ...(choice.clipSha256 === undefined ? {} : { clipSha256: choice.clipSha256 }),
  };
  return { token: signToken('doorsill-grant+jws', claims, signer.key), jti: claims.jti, claims };
}

/** Signs a denial. */
export function makeDenial(signer: Signer, notice: VerifiedNotice | VerifiedSighting): Signed<Denial> {
  const claims: Denial = {
    ...header(signer, notice.device, 'denial'),
    exp: wallSeconds(signer.clock) + DENIAL_LIFE_S,
    request: notice.request.jti,
    requestSha256: notice.requestSha256,
  };
  return { token: signToken('doorsill-denial+jws', claims, signer.key), jti: claims.jti, claims };
}

/** Signs a revocation of a grant, whichever owner signed it. */
export function makeRevoke(
  signer: Signer,
  device: string,
  named: Pick<Revoke, 'request' | 'grant' | 'grantSha256'>,
): Signed<Revoke> {
  const { request, grant, grantSha256 } = named;
  const claims: Revoke = { ...header(signer, device, 'revoke'), request, grant, grantSha256 };
  return { token: signToken('doorsill-revoke+jws', claims, signer.key), jti: claims.jti, claims };
}

/**
 * Signs an order to a device; expires after ten minutes. `after`: the device's last accepted order from its newest receipt
 * (`lastOrder`); not needed for commands that name none (`mustNameLastOrder`). `giveOrder` (give-command.ts) sets it.
 */
export function makeCommand(signer: Signer, device: string, command: CommandAction, after?: string): Signed<Command> {
  const isNamed = mustNameLastOrder(command);
  assert(!isNamed || after !== undefined, `a command to ${command.action} names the last accepted order`);
  const claims: Command = {
    ...header(signer, device, 'command'),
    exp: wallSeconds(signer.clock) + COMMAND_LIFE_S,
    command,
    ...(isNamed && after !== undefined ? { after } : {}),
  };
  return { token: signToken('doorsill-command+jws', claims, signer.key), jti: claims.jti, claims };
}

/** Signs a request to a bridge for the documents of a clip that this owner granted; expires after some minutes. */
export function makeCustodyCall(
  signer: Signer,
  bridge: string,
  of: { device: string; grant: string },
): Signed<CustodyCall> {
  const claims: CustodyCall = {
    ...header(signer, bridge, 'custody'),
    exp: wallSeconds(signer.clock) + CUSTODY_CALL_LIFE_S_MAX,
    device: of.device,
    grant: of.grant,
  };
  return { token: signToken('doorsill-custody+jws', claims, signer.key), jti: claims.jti, claims };
}

/** Signs a request to a device for the still of a sighting; expires after a minute. */
export function makeStillCall(signer: Signer, device: string, search: string): Signed<StillCall> {
  const exp = wallSeconds(signer.clock) + STILL_CALL_LIFE_S_MAX;
  const claims: StillCall = { ...header(signer, device, 'still'), exp, search };
  return { token: signToken('doorsill-still+jws', claims, signer.key), jti: claims.jti, claims };
}

/** Signs a pet owner's call to the bridge; expires after some minutes. */
export function makeSearchCall(signer: Signer, bridge: string, call: SearchAction): Signed<SearchCall> {
  const exp = wallSeconds(signer.clock) + SEARCH_CALL_LIFE_S_MAX;
  const claims: SearchCall = { ...header(signer, bridge, 'search-call'), exp, call };
  return { token: signToken('doorsill-search-call+jws', claims, signer.key), jti: claims.jti, claims };
}

/** A pet owner's input for a search; the rest is derived. */
export type SearchChoice = Pick<Search, 'kind' | 'text' | 'photoSha256' | 'cell' | 'profile'> & {
  /** Since when the pet is missing, and how long the search runs from now. */
  sinceUs: number;
  lifeS: number;
};

/** Signs a search for a pet. */
export function makeSearch(signer: Signer, bridge: string, choice: SearchChoice): Signed<Search> {
  const { sinceUs, lifeS, ...said } = choice;
  const exp = wallSeconds(signer.clock) + lifeS;
  const window = { startUs: sinceUs, endUs: exp * 1_000_000 };
  const claims: Search = { ...header(signer, bridge, 'search'), exp, ...said, window };
  return { token: signToken('doorsill-search+jws', claims, signer.key), jti: claims.jti, claims };
}

function header(signer: Signer, device: string, kind: string) {
  const { key, clock, random } = signer;
  return { iss: key.publicKey, aud: device, iat: wallSeconds(clock), jti: freshId(random, kind) };
}
