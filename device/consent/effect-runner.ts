// Executes the request machine's steps in their order, and ends grants whose basis is gone. Runs inside the gate's queue,
// except for `endLive` and `endOverdue`, which act at once.
import { wallSeconds } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import { assert } from '@doorsill/contract/assert';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { ReceiptClip } from '@doorsill/contract/home-messages';
import type { EndReason, LedgerBody } from '../ledger/ledger-entry.ts';
import type { ConsentContext } from './consent-context.ts';
import { currentStateReceipt, type RequestRecord } from './gate-state.ts';
import type { GrantFacts, LiveGrant } from './live-grant.ts';
import {
  currentGrant,
  next,
  type RequestEffect,
  type RequestInput,
  type RequestState,
  type Step,
  unfinishedGrant,
} from './request-machine.ts';
import type { RevokeOrder } from './verify-owner.ts';

/** The facts with which one step of the machine is carried out. */
export interface StepDetails {
  request: string;
  /** The ledger entry, if the step records one. */
  body: LedgerBody;
  /** Id of the owner's message that the receipt answers, if there is one. */
  answers?: string;
  clip?: ReceiptClip;
  intake?: string;
}

/** A live grant with the only handle that can end it. */
export interface EndableGrant {
  live: LiveGrant;
  end: (detail: string) => void;
}

export class EffectRunner {
  /** By grant: verified revocations that are not in the ledger yet. */
  readonly pendingRevokes = new Map<string, RevokeOrder>();
  private readonly context: ConsentContext;
  private readonly mint: (facts: GrantFacts) => EndableGrant;
  /** `deadlineMs` is monotonic: a wall clock set back must not prolong a grant. */
  private readonly live = new Map<string, EndableGrant & { deadlineMs: number }>();
  /** Grants ended in this boot, recorded in the ledger or not: they never become live again. */
  private readonly ended = new Set<string>();
  private readonly overdue = new Set<string>();

  /** `mint` makes a live grant: only the gate may, and it passes this function to nobody else. */
  constructor(context: ConsentContext, mint: (facts: GrantFacts) => EndableGrant) {
    this.context = context;
    this.mint = mint;
  }

  /** The state of a request by the ledger; pending for an open request without an entry. */
  stateOf(request: string): RequestState {
    const { state } = this.context.state.record(request);
    return this.context.answerable.find(request) ? next(state, { type: 'seen' }).state : state;
  }

  step(request: string, input: RequestInput): Step {
    return next(this.stateOf(request), input);
  }

  liveGrant(grant: string): LiveGrant | null {
    return this.live.get(grant)?.live ?? null;
  }

  liveGrants(): LiveGrant[] {
    return [...this.live.values()].map(({ live }) => live);
  }

  /** Appends to the ledger, durably, and applies the entry to the state. Throws `consent_storage_failed`. */
  async record(body: LedgerBody): Promise<void> {
    const wrong = this.context.state.apply(await this.context.ledger.append(body));
    assert(wrong === null, `a new ${body.type} entry follows from the state: ${wrong}`);
  }

  /** Carries out a step's effects in order. Throws the step's own rejection, `consent_storage_failed`. */
  async perform(step: Step, details: StepDetails): Promise<void> {
    for (const effect of step.effects) await this.performOne(effect, details);
  }

  private async performOne(effect: RequestEffect, details: StepDetails): Promise<void> {
    const { state, effects } = this.context;
    switch (effect.do) {
      case 'record':
        return this.record(details.body);
      case 'end-grant':
        return this.endLive(effect.grant, effect.detail);
      case 'make-clip':
        return this.makeLive(effect.grant, state.record(details.request));
      case 'remove-clip':
        return effects.removeClip(effect.grant);
      case 'send-revocation': {
        const { revocation, bridge } = state.record(details.request);
        assert(revocation !== null, 'a revocation is recorded before it is sent');
        return effects.sendRevocation(effect.grant, revocation, bridge);
      }
      case 'receipt': {
        const { outcome, grant, code } = effect;
        const { request, clip, intake } = details;
        const current = currentGrant(state.record(request).state);
        return effects.receipt({
          outcome,
          request,
          ...answering(details),
          ...(grant === undefined ? {} : { grant }),
          ...(outcome === 'granted' && current ? { grantSha256: current.sha256 } : {}),
          ...(code === undefined ? {} : { code }),
          ...(clip === undefined ? {} : { clip }),
          ...(intake === undefined ? {} : { intake }),
        });
      }
      case 'restate': {
        const body = currentStateReceipt(details.request, state.record(details.request));
        assert(body !== null, 'a granted request has a receipt');
        return effects.receipt({ ...body, ...answering(details) });
      }
      case 'reject':
        throw rejection(effect);
    }
  }

  /** Ends a live grant now. It stays dead for this boot even if its end cannot be recorded. */
  endLive(grant: string, detail: string): void {
    this.ended.add(grant);
    this.live.get(grant)?.end(detail);
    this.live.delete(grant);
  }

  /** Ends the grant a revocation names, if it is live. */
  endNamed(order: RevokeOrder): void {
    const live = this.liveGrant(order.claims.grant);
    if (live && names(order, live.facts)) this.endLive(live.id, 'it was revoked');
  }

  /** Ends live grants that have expired by either clock. */
  endOverdue(): void {
    const { clock } = this.context.deps;
    for (const [grant, { live, deadlineMs }] of this.live) {
      if (clock.monotonicMs() < deadlineMs && wallSeconds(clock) < live.facts.grant.exp) continue;
      this.overdue.add(grant);
      this.endLive(grant, 'it has expired');
    }
  }

  /** Milliseconds until the next live grant expires; Infinity when there is none. */
  nextDeadlineMs(): number {
    const nowMs = this.context.deps.clock.monotonicMs();
    return Math.min(...[...this.live.values()].map(({ deadlineMs }) => deadlineMs - nowMs));
  }

  /** Ends all live grants for this boot; the next boot resumes them. */
  endAll(detail: string): void {
    for (const { end } of this.live.values()) end(detail);
    this.live.clear();
  }

  private makeLive(grant: string, record: RequestRecord): void {
    const { facts, state } = record;
    assert(facts !== null && facts.grant.jti === grant, 'a grant is recorded before it lives');
    const revoke = this.pendingRevokes.get(grant);
    if (this.ended.has(grant) || this.live.has(grant) || (revoke && names(revoke, facts))) return;
    const { effects } = this.context;
    const { clock } = this.context.deps;
    const endable = this.mint(facts);
    const leftMs = (facts.grant.exp * 1_000_000 - clock.wallUs()) / 1_000;
    this.live.set(grant, { ...endable, deadlineMs: clock.monotonicMs() + leftMs });
    if (state.at === 'granted') effects.makeClip(endable.live);
    else {
      assert(state.at === 'sealed' || state.at === 'presented', 'only an unfinished grant lives');
      effects.resumeClip(endable.live, state.clip, state.at === 'presented');
    }
  }

  /** Makes an earlier boot's unfinished grants live again. Waits for a trusted clock: without one, expiry cannot be judged. */
  resumeLive(): void {
    if (!this.context.marks.clockTrusted()) return;
    for (const record of this.context.state.requests.values()) {
      const grant = unfinishedGrant(record.state);
      if (grant) this.makeLive(grant.id, record);
    }
  }

  /**
   * Ends grants whose basis is gone: request cancelled, owner removed, bridge changed, agency revoked, or time expired. An end that
   * cannot be recorded now is retried by the next sweep.
   */
  async sweep(): Promise<void> {
    const { effects, deps, state } = this.context;
    for (const [request, record] of state.requests) {
      const grant = unfinishedGrant(record.state)?.id;
      const reason = grant === undefined ? null : this.endReason(record);
      if (grant === undefined || reason === null) continue;
      const input: RequestInput = reason === 'cancelled' ? { type: 'cancelled' } : { type: 'ended', grant, reason };
      const details: StepDetails = { request, body: { type: 'ended', body: { request, grant, reason } } };
      try {
        await this.perform(this.step(request, input), details);
        this.overdue.delete(grant);
        effects.changed();
      } catch (thrown) {
        if (!isFailure(thrown)) throw thrown;
        deps.log.warn('the end of a grant could not be recorded; it is tried again (check the disk)', {
          grant,
          reason,
          code: thrown.code,
        });
      }
    }
  }

  private endReason({ facts }: RequestRecord): EndReason | null {
    const { state, marks, answerable } = this.context;
    const { clock } = this.context.deps;
    assert(facts !== null, 'an unfinished grant keeps its facts');
    const { grant, credential } = facts;
    if (answerable.isCancelled(facts.request)) return 'cancelled';
    if (!state.owners.has(grant.iss)) return 'owner-removed';
    if (state.pins?.bridge !== facts.request.aud) return 'bridge-changed';
    if (credential && answerable.isRevoked(credential)) return 'agency-revoked';
    const isOver = this.overdue.has(grant.jti) || (marks.clockTrusted() && wallSeconds(clock) >= grant.exp);
    return isOver ? 'expired' : null;
  }
}

/** A step's rejection as a failure. */
export function rejection({ code, detail }: Extract<RequestEffect, { do: 'reject' }>): Failure {
  return failure(code, detail === undefined ? {} : { detail });
}

function answering({ answers }: StepDetails): { answers?: string } {
  return answers === undefined ? {} : { answers };
}

/** Whether a revocation is about exactly this grant. */
function names(order: RevokeOrder, facts: GrantFacts): boolean {
  const { grant, grantSha256, request } = order.claims;
  return grant === facts.grant.jti && request === facts.request.jti && grantSha256 === sha256Hex(facts.grantToken);
}
