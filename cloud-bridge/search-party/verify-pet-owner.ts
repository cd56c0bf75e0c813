// Verifies what a pet's owner signs: their home's device, which is enrolled here, vouches for their key.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import { failure } from '@doorsill/contract/errors';
import { actorId } from '@doorsill/contract/ids';
import { Pairing } from '@doorsill/contract/owner-orders';
import { claimedSigner, type SearchAction, SearchCall } from '@doorsill/contract/search';
import { LIFE_S_MAX, PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import type { EnrolmentStore } from '../enrolment/enrolment-store.ts';
import { assertLife, peekToken, readToken, tryToken } from '../signing/verify-token.ts';

export interface PetOwnerVerifierDeps {
  clock: Clock;
  enrolments: EnrolmentStore;
  bridgeId: string;
}

export class PetOwnerVerifier {
  private readonly deps: PetOwnerVerifierDeps;

  constructor(deps: PetOwnerVerifierDeps) {
    this.deps = deps;
  }

  /** The home of an owner's key, for which its enrolled device vouches. Throws `search_poster_unknown`, `token_...`. */
  async homeOf(key: string, pairing: string): Promise<string> {
    const unknown = (detail: string) => failure('search_poster_unknown', { detail });
    const { device } = peekToken(pairing, Pairing);
    const deviceKey = await this.deps.enrolments.deviceKey(device);
    if (deviceKey === null) throw unknown('its device is not enrolled here');
    const pinned = {
      typ: 'doorsill-pairing+jws',
      schema: Pairing,
      audience: PUBLIC_AUDIENCE,
      keys: [deviceKey],
    } as const;
    const read = tryToken(pairing, pinned);
    if (!read.ok) throw unknown('the pairing statement of the device is invalid');
    if (read.claims.key !== key || read.claims.device !== device)
      throw unknown('the pairing statement of the device is for another key');
    return device;
  }

  /** Verifies a call with this action; returns it and its signer. Throws `token_...`. */
  readCall<Action extends SearchAction['action']>(
    token: string,
    action: Action,
  ): { key: string; jti: string; call: Extract<SearchAction, { action: Action }> } {
    const claims: SearchCall = readToken(token, {
      typ: 'doorsill-search-call+jws',
      schema: SearchCall,
      audience: this.deps.bridgeId,
      keys: claimedSigner(token),
    });
    assertLife(claims, wallSeconds(this.deps.clock), LIFE_S_MAX.searchCall);
    const { call } = claims;
    if (!isAction(call, action)) throw failure('token_unknown_claims');
    return { key: claims.iss, jti: claims.jti, call };
  }

  /** Verifies access to clips: a pet's owner may read those granted to their key. Throws `token_...`. */
  async readAccess(token: string): Promise<{
    iss: string;
    agency: string;
    organisation: string;
    clip: string;
    officer: string;
    reason: string;
    jti: string;
  }> {
    const { key, jti, call } = this.readCall(token, 'see');
    const owner = actorId('owner', sha256Hex(key));
    const reason = 'search for a pet';
    return { iss: key, agency: owner, organisation: owner, clip: call.clip, officer: owner, reason, jti };
  }

  /** A clip is granted to the key itself, which cannot be revoked. */
  async assertStanding(): Promise<void> {
    // Nothing to check.
  }
}

function isAction<Action extends SearchAction['action']>(
  call: SearchAction,
  action: Action,
): call is Extract<SearchAction, { action: Action }> {
  return call.action === action;
}
