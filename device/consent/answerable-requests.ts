// Owns: one view of all that this home's owners may answer now: agencies' requests that concern it, and searches whose pet may
// have been seen here. Not here: what is believed of each (area-view.ts, search-view.ts).
import { type Clock, wallSeconds } from '../base/clock.ts';
import type { Ask, OpenedAsk } from '../protocol/ask.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { askKindOf } from '../protocol/ids.ts';
import type { Credential } from '../protocol/request.ts';
import type { AreaView } from './area-view.ts';
import type { GrantGround } from './live-grant.ts';
import type { SearchView } from './search-view.ts';

export class AnswerableRequests {
  private readonly area: AreaView;
  private readonly searches: SearchView;
  private readonly clock: Clock;

  constructor(area: AreaView, searches: SearchView, clock: Clock) {
    this.area = area;
    this.searches = searches;
    this.clock = clock;
  }

  /** An ask that is open and this home's business. Its id says which kind it is, and is looked up among that kind alone. */
  find(id: string): OpenedAsk | null {
    if (askKindOf(id) === 'search') return this.searches.sighted(id)?.search ?? null;
    return this.area.request(id);
  }

  /** Ids of all of them. */
  ids(): string[] {
    return [...this.area.requests().map(({ request }) => request.jti), ...this.searches.sightedIds()];
  }

  /** Whether whoever asked, or the bridge, took it back. By what was signed: ids of a former contract did not tell their kind. */
  isCancelled(ask: Ask): boolean {
    return 'agency' in ask ? this.area.isCancelled(ask.jti) : this.searches.hasEnded(ask.jti);
  }

  /** Why an ask that was published is not among the open ones; null when it was never heard of. */
  whyNotOpen(id: string): ErrorCode | null {
    if (askKindOf(id) !== 'search') return this.area.whyNotOpen(id);
    return this.searches.hasEnded(id) ? 'consent_request_cancelled' : null;
  }

  /** Why who asks may not be answered now; null when they may. */
  standingOf(ask: OpenedAsk): ErrorCode | null {
    if ('credential' in ask) return this.area.standingOf(ask);
    return ask.request.exp <= wallSeconds(this.clock) ? 'consent_request_expired' : null;
  }

  /** The newest credential of the agency that asks; null for a neighbour, who has none. */
  credentialTokenOf(ask: OpenedAsk): string | null {
    return 'credential' in ask ? this.area.newestCredential(ask).token : null;
  }

  /** What a live grant of an ask stands on: an agency's also on a revocation list that lives; a neighbour has nothing to revoke. */
  groundOf(ask: Ask): GrantGround {
    return 'agency' in ask ? this.area : { clock: this.clock, held: () => null };
  }

  /** Whether the list believed now kills a credential for this home. */
  isRevoked(credential: Credential): boolean {
    const list = this.area.revocations;
    return list !== null && this.area.isRevoked(list, credential);
  }
}
