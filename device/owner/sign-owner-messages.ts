// Signs an owner's messages: grant, denial, revocation, command, each with a fresh id.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { type SigningKey, sha256Hex } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import { assert } from '@doorsill/contract/assert';
import type { CustodyCall } from '@doorsill/contract/custody';
import { signToken, type TokenType } from '@doorsill/contract/jws';
import {
  type Author,
  claimsHead,
  contentKeyClaims,
  denialClaims,
  type GrantChoice,
  grantClaims,
  revokeClaims,
} from '@doorsill/contract/owner-claims';
import {
  type Command,
  type CommandAction,
  type ContentKeyCall,
  type Denial,
  type Grant,
  mustNameLastOrder,
  type Revoke,
  type StillCall,
} from '@doorsill/contract/owner-orders';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import type { VerifiedSighting } from '@doorsill/contract/read-sighting';
import type { Search, SearchAction, SearchCall } from '@doorsill/contract/search';
import { LIFE_S_MAX } from '@doorsill/contract/shared-claims';

/** The signing key, and the source of time and ids. */
export interface Signer {
  key: SigningKey;
  clock: Clock;
  random: Random;
}

/** A signed message and its id, which the receipt will name. */
export interface Signed<Claims> {
  token: string;
  jti: string;
  claims: Claims;
}

const COMMAND_LIFE_S = 600;

/** Signs consent to one clip for the requester (`grantClaims`). */
export function makeGrant(
  signer: Signer,
  notice: VerifiedNotice | VerifiedSighting,
  choice: GrantChoice = {},
): Signed<Grant> {
  return signed(signer, 'doorsill-grant+jws', grantClaims(authorOf(signer), notice, choice, sha256Hex));
}

/** Signs a denial. */
export function makeDenial(signer: Signer, notice: VerifiedNotice | VerifiedSighting): Signed<Denial> {
  return signed(signer, 'doorsill-denial+jws', denialClaims(authorOf(signer), notice));
}

/** Signs a revocation of a grant, whichever owner signed it. */
export function makeRevoke(
  signer: Signer,
  device: string,
  named: Pick<Revoke, 'request' | 'grant' | 'grantSha256'>,
): Signed<Revoke> {
  return signed(signer, 'doorsill-revoke+jws', revokeClaims(authorOf(signer), device, named));
}

/**
 * Signs an order to a device; expires after ten minutes. `after`: the device's last accepted order, `lastOrder` of its newest
 * receipt; only for commands that must name it (`mustNameLastOrder`). `giveOrder` (give-command.ts) sets it.
 */
export function makeCommand(signer: Signer, device: string, command: CommandAction, after?: string): Signed<Command> {
  const isNamed = mustNameLastOrder(command);
  assert(!isNamed || after !== undefined, `a command to ${command.action} names the last accepted order`);
  const claims: Command = {
    ...claimsHead(authorOf(signer), device, 'command'),
    exp: wallSeconds(signer.clock) + COMMAND_LIFE_S,
    command,
    ...(isNamed && after !== undefined ? { after } : {}),
  };
  return signed(signer, 'doorsill-command+jws', claims);
}

/** Signs a request to a bridge for a granted clip's documents; expires after some minutes. */
export function makeCustodyCall(
  signer: Signer,
  bridge: string,
  of: { device: string; grant: string },
): Signed<CustodyCall> {
  const claims: CustodyCall = {
    ...claimsHead(authorOf(signer), bridge, 'custody'),
    exp: wallSeconds(signer.clock) + LIFE_S_MAX.custodyCall,
    device: of.device,
    grant: of.grant,
  };
  return signed(signer, 'doorsill-custody+jws', claims);
}

/** Signs a request to a device for the still of a sighting; expires after a minute. */
export function makeStillCall(signer: Signer, device: string, search: string): Signed<StillCall> {
  const exp = wallSeconds(signer.clock) + LIFE_S_MAX.stillCall;
  const claims: StillCall = { ...claimsHead(authorOf(signer), device, 'still'), exp, search };
  return signed(signer, 'doorsill-still+jws', claims);
}

/** Signs a request to a device for the content key of a clip that the signer granted; expires after some minutes. */
export function makeContentKeyCall(signer: Signer, device: string, grant: string): Signed<ContentKeyCall> {
  return signed(signer, 'doorsill-content-key+jws', contentKeyClaims(authorOf(signer), device, grant));
}

/** Signs a pet owner's call to the bridge; expires after some minutes. */
export function makeSearchCall(signer: Signer, bridge: string, call: SearchAction): Signed<SearchCall> {
  const exp = wallSeconds(signer.clock) + LIFE_S_MAX.searchCall;
  const claims: SearchCall = { ...claimsHead(authorOf(signer), bridge, 'search-call'), exp, call };
  return signed(signer, 'doorsill-search-call+jws', claims);
}

/** A pet owner's input for a search. */
export type SearchChoice = Pick<Search, 'kind' | 'text' | 'photoSha256' | 'cell' | 'profile' | 'sealing'> & {
  /** The time from which on the pet is missing, and the search's duration from now. */
  sinceUs: number;
  lifeS: number;
};

/** Signs a search for a pet. */
export function makeSearch(signer: Signer, bridge: string, choice: SearchChoice): Signed<Search> {
  const { sinceUs, lifeS, ...facts } = choice;
  const exp = wallSeconds(signer.clock) + lifeS;
  const window = { startUs: sinceUs, endUs: exp * 1_000_000 };
  const claims: Search = { ...claimsHead(authorOf(signer), bridge, 'search'), exp, ...facts, window };
  return signed(signer, 'doorsill-search+jws', claims);
}

function authorOf({ key, clock, random }: Signer): Author {
  return { publicKey: key.publicKey, nowS: wallSeconds(clock), freshId: (prefix) => freshId(random, prefix) };
}

function signed<Claims extends { jti: string }>({ key }: Signer, typ: TokenType, claims: Claims): Signed<Claims> {
  return { token: signToken(typ, claims, key), jti: claims.jti, claims };
}
