// The object without which no footage leaves: it proves, to the type checker and at run time, that the gate verified a grant and
// that the grant is alive. Only consent/gate.ts may call `mintLiveGrant`; a test holds that rule.
import type { Clock } from '@doorsill/base/clock';
import { wallSeconds } from '@doorsill/base/clock';
import { type ErrorCode, failure } from '@doorsill/contract/errors';
import type { Grant } from '@doorsill/contract/owner-orders';
import type { Ask } from '@doorsill/contract/request-or-search';

/** The verified facts of a grant. */
export interface GrantFacts {
  grant: Grant;
  grantToken: string;
  request: Ask;
  requestToken: string;
  pairingToken: string;
}

/** The condition for footage to leave under a live grant, which can change while it lives. */
export interface GrantGround {
  clock: Clock;
  /** Why nothing may leave now although the grant is live; null when footage may leave. */
  held(): ErrorCode | null;
}

const minted = new WeakSet<object>();

/** A verified grant that has not been ended yet. */
export class LiveGrant {
  readonly id: string;
  readonly facts: Readonly<GrantFacts>;
  /** Aborted, with a `grant_dead` failure as reason, the moment the grant is revoked, cancelled or expired. */
  readonly signal: AbortSignal;
  private readonly ground: GrantGround;

  private constructor(facts: GrantFacts, ground: GrantGround, signal: AbortSignal) {
    this.id = facts.grant.jti;
    this.facts = Object.freeze({ ...facts });
    this.signal = signal;
    this.ground = ground;
    Object.freeze(this);
  }

  /** The terms that the clip is cut to. */
  get cut(): Readonly<Grant> {
    return this.facts.grant;
  }

  /** Throws `grant_dead` unless work under this grant may continue. */
  assertAlive(): void {
    if (!minted.has(this)) throw failure('grant_dead', { detail: 'it was not made by the gate' });
    this.signal.throwIfAborted();
    if (wallSeconds(this.ground.clock) >= this.facts.grant.exp)
      throw failure('grant_dead', { detail: 'it has expired' });
  }

  /**
   * Throws unless footage may leave under this grant now: `grant_dead`, or the code of a condition that may pass.
   */
  assertMayLeave(): void {
    this.assertAlive();
    const held = this.ground.held();
    if (held !== null) throw failure(held);
  }

  /** For the gate alone. */
  static mint(facts: GrantFacts, ground: GrantGround, signal: AbortSignal): LiveGrant {
    const grant = new LiveGrant(facts, ground, signal);
    minted.add(grant);
    return grant;
  }
}

/** For the gate alone: makes a live grant; `end` ends it permanently. */
export function mintLiveGrant(
  facts: GrantFacts,
  ground: GrantGround,
): { live: LiveGrant; end: (detail: string) => void } {
  const controller = new AbortController();
  const live = LiveGrant.mint(facts, ground, controller.signal);
  return { live, end: (detail) => controller.abort(failure('grant_dead', { detail })) };
}

/** Run-time guard of every function that sends footage out: refuses objects that the gate did not make. */
export function assertLiveGrant(value: unknown): asserts value is LiveGrant {
  if (typeof value !== 'object' || value === null || !minted.has(value)) {
    throw failure('grant_dead', { detail: 'it was not made by the gate' });
  }
  (value as LiveGrant).assertAlive();
}

/** Like `assertLiveGrant`; call it right before bytes leave the device. */
export function assertMayLeave(value: unknown): void {
  assertLiveGrant(value);
  value.assertMayLeave();
}
