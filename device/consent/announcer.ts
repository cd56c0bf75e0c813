// Owns: telling the owner what waits for an answer and where the latest grants stand, when it is new and when it may have been
// missed. Runs inside the gate's queue. Not here: deciding anything (owner-messages.ts), carrying it (home-link/).
import type { RequestNotice, SightingNotice } from '../protocol/home.ts';
import type { AreaDesk } from './area-desk.ts';
import type { EffectRunner } from './effect-runner.ts';
import type { GateDeps } from './gate-effects.ts';
import type { GateState } from './gate-state.ts';
import { standingReceipt } from './receipts.ts';
import { awaitsOwner } from './request-machine.ts';
import type { SearchDesk } from './search-desk.ts';

/** Receipts of requests touched this recently are repeated after a restart: the last ones may not have got out. */
const RESTATE_US = 600_000_000;
const RESTATED_MAX = 16;
/** And of those that surely or maybe never got out, however long ago; the link's queue has room for them. */
const UNTOLD_MAX = 500;

export interface AnnouncerDeps extends Pick<GateDeps, 'clock' | 'effects' | 'untoldFrom'> {
  state: GateState;
  area: AreaDesk;
  searches: SearchDesk;
  runner: EffectRunner;
}

export class Announcer {
  private readonly deps: AnnouncerDeps;

  constructor(deps: AnnouncerDeps) {
    this.deps = deps;
  }

  /** Requests that wait for an answer and may be answered now; one whose grant came to nothing waits again. */
  notices(): RequestNotice[] {
    const { area, runner } = this.deps;
    const waiting = area.view.requests().filter((one) => awaitsOwner(runner.stateOf(one.request.jti)));
    return waiting.filter((one) => area.view.standingOf(one) === null).map((one) => area.noticeOf(one));
  }

  /** The same of pets that may have been seen. */
  sightings(): SightingNotice[] {
    const { searches, runner } = this.deps;
    const waiting = searches.view.sightedIds().filter((id) => awaitsOwner(runner.stateOf(id)));
    return waiting.flatMap((id) => searches.noticeOf(id) ?? []);
  }

  /** Requests that nobody was told of yet. */
  news(): void {
    const { area, runner, effects } = this.deps;
    for (const opened of area.view.takeAnswerable()) {
      if (runner.stateOf(opened.request.jti).at !== 'pending') continue;
      effects.requestNotice(area.noticeOf(opened));
    }
  }

  /** One search whose pet may have been seen; nothing once it is answered. */
  sighting(id: string): void {
    const { searches, runner, effects } = this.deps;
    const notice = searches.noticeOf(id);
    if (notice && awaitsOwner(runner.stateOf(id))) effects.sighting(notice);
  }

  all(): void {
    for (const notice of this.notices()) this.deps.effects.requestNotice(notice);
    for (const notice of this.sightings()) this.deps.effects.sighting(notice);
    this.restate();
  }

  restate(): void {
    const { clock, state, effects } = this.deps;
    const sinceUs = clock.wallUs() - RESTATE_US;
    const untoldFrom = this.deps.untoldFrom?.() ?? Number.POSITIVE_INFINITY;
    const all = [...state.requests].sort(([, a], [, b]) => a.touchedEntries - b.touchedEntries);
    const due = new Set([
      ...all.filter(([, record]) => record.touchedEntries >= untoldFrom).slice(-UNTOLD_MAX),
      ...all.filter(([, record]) => record.touchedUs >= sinceUs).slice(-RESTATED_MAX),
    ]);
    for (const each of all) {
      const [request, record] = each;
      const body = due.has(each) ? standingReceipt(request, record) : null;
      if (body) effects.receipt(body);
    }
  }
}
