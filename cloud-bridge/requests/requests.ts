// Takes, moderates, countersigns and ends agencies' requests. An agency learns the state of its own request, and never who answered, or how
// many.

import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { type SigningKey, sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { AgencyAction } from '@doorsill/contract/agency-calls';
import { failure } from '@doorsill/contract/errors';
import { askKindOf, idSchema } from '@doorsill/contract/ids';
import { signToken } from '@doorsill/contract/jws';
import { type Credential, publicationSchema, Request } from '@doorsill/contract/request';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { asksBeyond } from '@doorsill/contract/verify-published-request';
import { z } from 'zod';
import type { AgencyCredentials } from '../agencies/registry-credentials.ts';
import type { AgencyTokenVerifier } from '../agencies/verify-agency-token.ts';
import { pageOf, positionIn } from '../http/paging.ts';
import { assertEncrypted, type UnencryptedClips } from '../intake/unencrypted-clips.ts';
import { assertOpen, type Partners } from '../partners/partners.ts';
import { peekToken, readToken } from '../signing/verify-token.ts';
import { nextPublication, type PublicationInput, type PublicationState, stateAt } from './publication-machine.ts';
import { checkLimits, investigationKey } from './request-limits.ts';
import type { RequestRules } from './requests-settings.ts';
import type {
  NumberLimits,
  NumbersOutcome,
  RequestChange,
  RequestPosition,
  RequestStore,
  StoredRequest,
} from './requests-store.ts';
import { findingsOf, type TextFinding } from './text-check.ts';

export interface RequestsDeps {
  clock: Clock;
  log: Log;
  key: SigningKey;
  bridgeId: string;
  store: RequestStore;
  standing: AgencyCredentials;
  tokens: AgencyTokenVerifier;
  partners: Partners;
  /** Stores each agency's newest credential for its public page. */
  profiles: { noteProfile(credential: Credential, nowS: number): Promise<void> };
  rules: RequestRules;
  unencryptedClips: UnencryptedClips;
  /** Called when the board must change; need not be awaited. */
  changed: (cells: readonly string[]) => void;
}

/** All that an agency learns about its own request. */
export interface RequestView {
  request: string;
  state: PublicationState;
  /** Findings that a moderator will review. */
  findings?: TextFinding[];
  /** Why it was refused or cancelled. */
  reason?: string;
}

export interface WaitingRequest extends RequestView {
  agency: string;
  agencyName: string;
  revision: number;
  claims: Request;
}

export interface Posting {
  /** Stored, checked and shown to its agency alone until it is submitted. */
  draft?: boolean;
  /** The partner whose channel it comes through; already authenticated. */
  partner?: string;
}

export interface PageAsked {
  limit: number;
  cursor?: string | undefined;
}

const positionSchema = z.strictObject({ submittedS: z.int(), request: idSchema });
const positionOf = ({ submittedS, request }: StoredRequest): RequestPosition => ({ submittedS, request });

export class Requests {
  private readonly deps: RequestsDeps;

  constructor(deps: RequestsDeps) {
    this.deps = deps;
  }

  /**
   * Accepts a request; the same bytes again change nothing. Throws `token_...`, `id_kind_wrong`, `agency_...`, `credential_unavailable`,
   * `partner_...`, `request_limits`, `request_unencrypted`, `request_exists`.
   */
  async post(token: string, { draft = false, partner }: Posting = {}): Promise<RequestView> {
    const { standing, store, clock, profiles, bridgeId } = this.deps;
    const claimed = peekToken(token, Request);
    if (claimed.partner !== undefined && claimed.partner !== partner) await this.wrongChannel(claimed.partner);
    const { claims: credential } = await standing.credential(claimed.agency);
    const request = readToken(token, {
      typ: 'doorsill-request+jws',
      schema: Request,
      audience: bridgeId,
      keys: [credential.key],
    });
    if (askKindOf(request.jti) !== 'request') throw failure('id_kind_wrong');
    if (request.partner !== partner) throw failure('token_unknown_claims');
    const channel = partner === undefined ? null : await this.deps.partners.usable(partner);
    const known = await store.find(request.jti);
    if (known) return this.again(known, sha256Hex(token));
    const nowS = wallSeconds(clock);
    const cells = this.checked(request, credential, nowS);
    const waits: StoredRequest = {
      request: request.jti,
      agency: request.agency,
      agencyKey: credential.key,
      organisation: credential.organisation ?? credential.agency,
      token,
      tokenSha256: sha256Hex(token),
      publication: '',
      investigation: investigationKey(request.investigation),
      cells,
      state: 'draft',
      revision: 1,
      findings: findingsOf(request),
      reason: null,
      moderator: null,
      partner: channel,
      submittedS: nowS,
      publishedS: 0,
      expiresS: request.exp,
    };
    const stored = draft ? waits : { ...waits, ...this.moved(waits, this.submission(waits)) };
    await profiles.noteProfile(credential, nowS);
    const outcome = await store.add(stored, this.limits());
    if (outcome === 'other-content') throw failure('request_exists');
    if (outcome === 'same') return this.again((await store.find(request.jti)) ?? stored, stored.tokenSha256);
    if (outcome !== 'added') throw this.tooMany(outcome);
    this.announce(stored);
    return this.viewOf(stored);
  }

  /** The state of the caller's own request. Throws `token_...`, `agency_...`, `request_not_live`. */
  async see(request: string, callToken: string): Promise<RequestView> {
    return this.viewOf(await this.own(request, callToken, 'see-request'));
  }

  /** Submits the caller's own draft; all limits are checked again. Throws as `post`, and `request_state`. */
  async submit(request: string, callToken: string): Promise<RequestView> {
    const draft = await this.own(request, callToken, 'submit-request');
    await this.recheck(draft);
    return this.move(request, this.submission(draft));
  }

  /** Withdraws the caller's own request before it is published. Throws as `see`, and `request_state`. */
  async withdraw(request: string, callToken: string): Promise<RequestView> {
    await this.own(request, callToken, 'withdraw-request');
    return this.move(request, { type: 'withdraw' }, { reason: 'withdrawn' });
  }

  /** Resolves the caller's own request early; a repeat changes nothing. Throws as `see`, and `request_state`. */
  async resolve(request: string, callToken: string): Promise<RequestView> {
    await this.own(request, callToken, 'resolve-request');
    return this.move(request, { type: 'resolve' });
  }

  /** Resolves a request of a partner's channel, as the partner reported. Throws `request_not_live`, `request_state`. */
  async resolveFor(partner: string, request: string): Promise<RequestView> {
    if ((await this.deps.store.find(request))?.partner?.partner !== partner) throw failure('request_not_live');
    return this.move(request, { type: 'resolve' });
  }

  /** A page of the caller's own requests, newest first. Throws `token_...`, `agency_...`, `http_body_invalid`. */
  async list(callToken: string, page: PageAsked): Promise<{ requests: RequestView[]; next: string | null }> {
    const behind = positionIn(positionSchema, page.cursor);
    const { organisation, call } = await this.deps.tokens.readCall(callToken);
    if (call.action !== 'list-requests') throw failure('token_unknown_claims');
    const found = await this.deps.store.ofAgency(organisation, behind, page.limit + 1);
    const { shown, next } = pageOf(found, page.limit, positionOf);
    return { requests: shown.map((stored) => this.viewOf(stored)), next };
  }

  /** A page of the requests that wait for a moderator, oldest first. Throws `http_body_invalid`. */
  async waiting(page: PageAsked): Promise<{ requests: WaitingRequest[]; next: string | null }> {
    const behind = positionIn(positionSchema, page.cursor);
    const found = await this.deps.store.waiting(wallSeconds(this.deps.clock), behind, page.limit + 1);
    const { shown, next } = pageOf(found, page.limit, positionOf);
    const requests = await Promise.all(
      shown.map(async (stored) => ({
        ...this.viewOf(stored),
        agency: stored.agency,
        agencyName: await this.nameOf(stored.agency),
        revision: stored.revision,
        claims: peekToken(stored.token, Request),
      })),
    );
    return { requests, next };
  }

  /** A moderator publishes a request that is still at `revision`. Throws `request_...`, `agency_...`, `partner_...`. */
  async approve(request: string, revision: number, moderator: string): Promise<RequestView> {
    const stored = await this.deps.store.find(request);
    if (!stored) throw failure('request_not_live');
    await this.recheck(stored);
    return this.move(request, { type: 'approve' }, { moderator }, revision);
  }

  /** A moderator refuses a request; its agency is told why. Throws `request_...`. */
  refuse(request: string, reason: string, revision: number, moderator: string): Promise<RequestView> {
    return this.move(request, { type: 'refuse' }, { reason, moderator }, revision);
  }

  private limits(): NumberLimits {
    const { postsPerInvestigation, openPerCellMax, waitingPerAgencyMax } = this.deps.rules;
    const nowS = wallSeconds(this.deps.clock);
    return { postsMax: postsPerInvestigation, openPerCellMax, waitingPerAgencyMax, nowS };
  }

  /** The cells of a request, if it meets every rule now. Throws `request_limits`, `request_unencrypted`, `agency_...`. */
  private checked(request: Request, credential: Credential, nowS: number): string[] {
    const { rules, standing, unencryptedClips } = this.deps;
    assertEncrypted(unencryptedClips, credential.sealing !== undefined, 'request_unencrypted');
    const cells = checkLimits(request, credential, rules, nowS);
    if (asksBeyond(request, credential)) {
      throw failure('request_limits', { detail: 'its agency is not registered to ask for this, or to file it so' });
    }
    standing.assertGood(credential, cells);
    return cells;
  }

  /** A request that was accepted earlier must still be allowed when it is submitted or approved. */
  private async recheck(stored: StoredRequest): Promise<void> {
    const nowS = wallSeconds(this.deps.clock);
    const state = stateAt(stored, nowS);
    if (state !== 'draft' && state !== 'in_moderation') return;
    if (stored.partner !== null) assertOpen(stored.partner);
    const { claims: credential } = await this.deps.standing.credential(stored.agency);
    this.checked(peekToken(stored.token, Request), credential, nowS);
  }

  /** For a request that names a partner but did not come through that partner. Always throws. */
  private async wrongChannel(partner: string): Promise<never> {
    await this.deps.partners.usable(partner);
    throw failure('http_unauthorised');
  }

  private submission({ findings }: StoredRequest): PublicationInput {
    const { moderation } = this.deps.rules;
    const needsModerator = moderation === 'everything' || (moderation === 'findings' && findings.length > 0);
    return { type: 'submit', needsModerator };
  }

  /** The request's state after an input; throws `request_state` when that is not allowed. */
  private moved(stored: StoredRequest, input: PublicationInput) {
    const nowS = wallSeconds(this.deps.clock);
    const state = stateAt(stored, nowS);
    const answer = nextPublication(state, input);
    if (!answer.ok) throw failure('request_state', { state, asked: ASKED[input.type] });
    const isPublished = answer.effects.includes('publish');
    return {
      state: answer.state,
      ...(isPublished ? { publication: this.countersign(stored, nowS), publishedS: nowS } : {}),
    };
  }

  private async move(
    request: string,
    input: PublicationInput,
    also: Pick<RequestChange, 'reason' | 'moderator'> = {},
    seen?: number,
  ): Promise<RequestView> {
    let isSame = true;
    const decide = (now: StoredRequest) => {
      const moved = this.moved(now, input);
      isSame = moved.state === stateAt(now, this.limits().nowS);
      if (isSame) return null;
      if (seen !== undefined && seen !== now.revision) throw failure('request_changed', { state: now.state });
      return { ...moved, ...also };
    };
    const done = await this.deps.store.change(request, decide, this.limits());
    if (done === null) throw failure('request_not_live');
    if (typeof done === 'string') throw this.tooMany(done);
    if (!isSame) this.announce(done);
    return this.viewOf(done);
  }

  private countersign({ request, tokenSha256 }: StoredRequest, nowS: number): string {
    const { key } = this.deps;
    const claims = { iss: key.publicKey, aud: PUBLIC_AUDIENCE, iat: nowS, request, requestSha256: tokenSha256 };
    return signToken('doorsill-publication+jws', publicationSchema.parse(claims), key);
  }

  private announce({ request, agency, state, findings, cells }: StoredRequest): void {
    this.deps.log.info('the state of a footage request has changed', {
      request,
      agency,
      state,
      findings: findings.length,
    });
    this.deps.changed(cells);
  }

  private tooMany(outcome: NumbersOutcome) {
    const { postsPerInvestigation, waitingPerAgencyMax } = this.deps.rules;
    const detail = {
      'too-many-posts': `an investigation has at most ${postsPerInvestigation} posts`,
      'cell-full': 'too many requests are open in this area',
      'too-many-waiting': `at most ${waitingPerAgencyMax} of an agency’s requests wait at once`,
    }[outcome];
    return failure('request_limits', { detail });
  }

  private again(known: StoredRequest, tokenSha256: string): RequestView {
    if (known.tokenSha256 !== tokenSha256) throw failure('request_exists');
    return this.viewOf(known);
  }

  private async own(request: string, callToken: string, action: AgencyAction['action']): Promise<StoredRequest> {
    const { organisation, call } = await this.deps.tokens.readCall(callToken);
    if (call.action !== action || !('request' in call) || call.request !== request)
      throw failure('token_unknown_claims');
    const stored = await this.deps.store.find(request);
    // Another agency's request looks as if it did not exist.
    if (stored?.organisation !== organisation) throw failure('request_not_live');
    return stored;
  }

  private async nameOf(agency: string): Promise<string> {
    return this.deps.standing.credential(agency).then(
      ({ claims }) => claims.name,
      () => agency,
    );
  }

  private viewOf(stored: StoredRequest): RequestView {
    const { request, findings, reason } = stored;
    const state = stateAt(stored, wallSeconds(this.deps.clock));
    const waits = state === 'draft' || state === 'in_moderation';
    return {
      request,
      state,
      ...(waits && findings.length > 0 ? { findings } : {}),
      ...(reason === null ? {} : { reason }),
    };
  }
}

const ASKED = {
  submit: 'submitted',
  approve: 'approved',
  refuse: 'refused',
  resolve: 'resolved',
  withdraw: 'withdrawn',
  cancel: 'cancelled',
  expire: 'expired',
} as const;
