// Owns: taking an agency's request, countersigning it, and ending it. Not here: the board (area-board.ts), limits
// (limits.ts), standing (agencies/). It tells an agency the state of its own request and never who answered, or how many.
import { type Clock, wallSeconds } from '../../device/base/clock.ts';
import { type SigningKey, sha256Hex } from '../../device/base/keys.ts';
import type { Log } from '../../device/base/log.ts';
import { PUBLIC_AUDIENCE } from '../../device/protocol/claims.ts';
import { failure } from '../../device/protocol/errors.ts';
import { signToken } from '../../device/protocol/jws.ts';
import { publicationSchema, requestSchema } from '../../device/protocol/request.ts';
import type { AgencyTokens } from '../agencies/agency-tokens.ts';
import type { Standing } from '../agencies/standing.ts';
import type { RequestRules } from '../config.ts';
import { peekToken, readToken } from '../tokens.ts';
import { checkLimits, investigationKey } from './limits.ts';
import type { RequestStore, StoredRequest } from './store.ts';

export interface RequestsDeps {
  clock: Clock;
  log: Log;
  key: SigningKey;
  bridgeId: string;
  store: RequestStore;
  standing: Standing;
  tokens: AgencyTokens;
  rules: RequestRules;
  /** Called when the board must change; need not be waited for. */
  changed: () => void;
}

/** All an agency learns about its own request. */
export interface RequestState {
  request: string;
  state: 'published' | 'resolved' | 'expired';
}

export class Requests {
  private readonly deps: RequestsDeps;

  constructor(deps: RequestsDeps) {
    this.deps = deps;
  }

  /**
   * Publishes a request; the same bytes again change nothing. Throws `token_...`, `agency_...`, `credential_unavailable`,
   * `request_limits`, `request_exists`.
   */
  async publish(token: string): Promise<RequestState> {
    const { standing, store, clock, rules, key, bridgeId } = this.deps;
    const { agency } = peekToken(token, requestSchema);
    const { claims: credential } = await standing.credential(agency);
    const request = readToken(token, {
      typ: 'doorsill-request+jws',
      schema: requestSchema,
      audience: bridgeId,
      keys: [credential.key],
    });
    const tokenSha256 = sha256Hex(token);
    const known = await store.find(request.jti);
    if (known) return this.again(known, tokenSha256);
    const nowS = wallSeconds(clock);
    const cells = checkLimits(request, credential, rules, nowS);
    const publication = signToken(
      'doorsill-publication+jws',
      publicationSchema.parse({
        iss: key.publicKey,
        aud: PUBLIC_AUDIENCE,
        iat: nowS,
        request: request.jti,
        requestSha256: tokenSha256,
      }),
      key,
    );
    const stored: StoredRequest = {
      request: request.jti,
      agency,
      agencyKey: credential.key,
      token,
      tokenSha256,
      publication,
      investigation: investigationKey(request.investigation),
      cells,
      state: 'published',
      publishedS: nowS,
      expiresS: request.exp,
    };
    const limits = { postsMax: rules.postsPerInvestigation, openPerCellMax: rules.openPerCellMax, nowS };
    const outcome = await store.add(stored, limits);
    if (outcome === 'other-content') throw failure('request_exists');
    if (outcome === 'too-many-posts') {
      throw failure('request_limits', { detail: `an investigation has at most ${limits.postsMax} posts` });
    }
    if (outcome === 'cell-full') {
      throw failure('request_limits', { detail: 'too many requests are open in this area' });
    }
    this.deps.log.info('a request is published', { request: request.jti, agency, cells: cells.length });
    this.deps.changed();
    return this.stateOf(stored);
  }

  /** The state of the caller's own request. Throws `token_...`, `agency_...`, `request_not_live`. */
  async see(request: string, callToken: string): Promise<RequestState> {
    return this.stateOf(await this.ownRequest(request, callToken, 'see-request'));
  }

  /** Ends the caller's own request early; again changes nothing. Throws as `see`. */
  async resolve(request: string, callToken: string): Promise<RequestState> {
    const stored = await this.ownRequest(request, callToken, 'resolve-request');
    if (await this.deps.store.resolve(request)) {
      this.deps.log.info('a request is resolved', { request });
      this.deps.changed();
    }
    return this.stateOf({ ...stored, state: 'resolved' });
  }

  private again(known: StoredRequest, tokenSha256: string): RequestState {
    if (known.tokenSha256 !== tokenSha256) throw failure('request_exists');
    return this.stateOf(known);
  }

  private async ownRequest(
    request: string,
    callToken: string,
    action: 'see-request' | 'resolve-request',
  ): Promise<StoredRequest> {
    const { agency, call } = await this.deps.tokens.readCall(callToken);
    if (call.action !== action || call.request !== request) throw failure('token_unknown_claims');
    const stored = await this.deps.store.find(request);
    // Somebody else's request looks like none.
    if (stored?.agency !== agency) throw failure('request_not_live');
    return stored;
  }

  private stateOf(stored: StoredRequest): RequestState {
    const isOver = stored.state === 'published' && wallSeconds(this.deps.clock) >= stored.expiresS;
    return { request: stored.request, state: isOver ? 'expired' : stored.state };
  }
}
