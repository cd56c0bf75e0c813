// Owns: the one object that lets footage leave: proof, in the type system and at run time, that the gate verified a grant
// and that it is still alive. Only consent/gate.ts may call `mintLiveGrant`; a test holds that rule.
import type { Clock } from '../base/clock.ts';
import { wallSeconds } from '../base/clock.ts';
import { failure } from '../protocol/errors.ts';
import type { Grant } from '../protocol/grant.ts';
import type { Request } from '../protocol/request.ts';

/** What the gate knows about a grant when it lets it live. All of it verified. */
export interface GrantFacts {
  grant: Grant;
  grantToken: string;
  request: Request;
  requestToken: string;
  pairingToken: string;
}

const minted = new WeakSet<object>();

/** A verified grant that nobody has taken back yet. */
export class LiveGrant {
  readonly id: string;
  readonly facts: Readonly<GrantFacts>;
  /** Aborted, with a `grant_dead` failure as reason, the moment the grant is revoked, cancelled or expired. */
  readonly signal: AbortSignal;
  private readonly clock: Clock;

  private constructor(facts: GrantFacts, clock: Clock, signal: AbortSignal) {
    this.id = facts.grant.jti;
    this.facts = Object.freeze({ ...facts });
    this.signal = signal;
    this.clock = clock;
    Object.freeze(this);
  }

  /** Throws `grant_dead` unless this very moment footage may leave under this grant. */
  assertAlive(): void {
    if (!minted.has(this)) throw failure('grant_dead', { detail: 'it was not made by the gate' });
    this.signal.throwIfAborted();
    if (wallSeconds(this.clock) >= this.facts.grant.exp) throw failure('grant_dead', { detail: 'it has expired' });
  }

  /** For the gate alone. */
  static mint(facts: GrantFacts, clock: Clock, signal: AbortSignal): LiveGrant {
    const grant = new LiveGrant(facts, clock, signal);
    minted.add(grant);
    return grant;
  }
}

/** For the gate alone: makes a live grant; `end` kills it for good. */
export function mintLiveGrant(facts: GrantFacts, clock: Clock): { live: LiveGrant; end: (detail: string) => void } {
  const controller = new AbortController();
  const live = LiveGrant.mint(facts, clock, controller.signal);
  return { live, end: (detail) => controller.abort(failure('grant_dead', { detail })) };
}

/** Run-time guard for every function that lets footage out: refuses anything the gate did not make, whatever it looks like. */
export function assertLiveGrant(value: unknown): asserts value is LiveGrant {
  if (typeof value !== 'object' || value === null || !minted.has(value)) {
    throw failure('grant_dead', { detail: 'it was not made by the gate' });
  }
  (value as LiveGrant).assertAlive();
}
