// Owns: what follows from each thing that the area link brings, and from a pet that may have been seen: what is believed, which
// grants it ends, whom it concerns. Not here: opening and believing (area-desk.ts, search-desk.ts), what owners answer (owner-messages.ts).
import type { TaskQueue } from '../base/task-queue.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { Sighted } from '../protocol/home.ts';
import type { Announcer } from './announcer.ts';
import type { AreaDesk } from './area-desk.ts';
import type { EffectRunner } from './effect-runner.ts';
import type { GateDeps, GateLimits } from './gate-effects.ts';
import type { GateState } from './gate-state.ts';
import type { SearchDesk } from './search-desk.ts';

export interface AreaMessageDeps extends Pick<GateDeps, 'effects' | 'log'> {
  state: GateState;
  area: AreaDesk;
  searches: SearchDesk;
  runner: EffectRunner;
  announcer: Announcer;
  queue: TaskQueue;
  limits: GateLimits;
  /** Whether the home takes part in Search Party now. */
  searchPartyOn(): boolean;
  /** Whether another message may wait; what may not is counted. */
  hasRoom(waitingMax: number): boolean;
  count(code: ErrorCode): void;
}

export class AreaMessageHandler {
  private readonly deps: AreaMessageDeps;

  constructor(deps: AreaMessageDeps) {
    this.deps = deps;
  }

  /** A part of the cell's document of requests. */
  async areaDocument(part: number, token: string): Promise<void> {
    const { state, area, count, hasRoom, queue, limits, runner, announcer } = this.deps;
    const { pins } = state;
    const document = pins ? area.openDocument(part, token, pins) : 'token_unknown_signer';
    if (typeof document === 'string') return count(document);
    // Half of the queue is kept for the owners: what a bridge signs must not crowd out what they order.
    if (!document || !pins || !hasRoom(limits.waitingMax / 2)) return;
    await queue.run(async () => {
      if (state.pins !== pins) return;
      const news = await area.takeDocument(document, token, pins);
      for (const code of news.refused) count(code);
      if (news.cancelled.length > 0) await runner.sweep();
      announcer.news();
    });
  }

  /** A part of the cell's searches. A home that takes no part does not even open it. */
  async searchDocument(part: number, token: string): Promise<void> {
    const { state, searches, count, hasRoom, queue, limits, runner, effects, searchPartyOn } = this.deps;
    const { pins } = state;
    if (!searchPartyOn()) return;
    const document = pins ? searches.openDocument(part, token, pins) : 'token_unknown_signer';
    if (typeof document === 'string') return count(document);
    if (!document || !pins || !hasRoom(limits.waitingMax / 2)) return;
    await queue.run(async () => {
      if (state.pins !== pins || !searchPartyOn()) return;
      const news = await searches.takeDocument(document, token, pins);
      for (const code of news.refused) count(code);
      if (news.ended.length > 0) await runner.sweep();
      effects.searches(searches.view.searches());
    });
  }

  /** The registry's revocation list. */
  async revocations(token: string): Promise<void> {
    const { state, area, count, queue, runner, announcer } = this.deps;
    const { pins } = state;
    const list = pins ? area.openList(token, pins) : 'token_unknown_signer';
    if (typeof list === 'string') return count(list);
    if (!list) return;
    for (const { id, facts } of runner.liveGrants()) {
      const credential = state.record(facts.request.jti).facts?.credential;
      if (credential && area.view.isRevoked(list, credential)) runner.endLive(id, "its agency's access was revoked");
    }
    // Not dropped when many wait: each is the registry's and another one, so they are few.
    await queue.run(async () => {
      if (state.pins !== pins) return;
      await area.takeList(list, token);
      await runner.sweep();
      announcer.news();
    });
  }

  /** A pet that is looked for may have been seen here: its owner's business from now on, and nobody else's. */
  async sighted(search: string, seen: Sighted): Promise<void> {
    const { searches, queue, announcer, effects, searchPartyOn } = this.deps;
    await queue.run(async () => {
      if (!searchPartyOn() || !searches.view.sight(search, seen)) return;
      announcer.sighting(search);
      effects.changed();
    });
  }

  /** The home takes part from now on, or no more: then nothing of any search is kept. */
  turnSearchParty(on: boolean): void {
    const { searches, effects, log } = this.deps;
    if (!on) searches.clear();
    effects.searches([]);
    effects.changed();
    log.info('Search Party', { on });
  }
}
