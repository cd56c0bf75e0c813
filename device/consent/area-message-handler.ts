// Owns: handling each message of the area link, and each possible sighting of a pet: what is accepted, which grants it ends,
// whom it concerns; and telling the owner what waits for an answer and the state of the latest grants, when that is new or
// may have been missed. Not here: opening and accepting (area-requests.ts, pet-searches.ts), what owners answer
// (owner-order-handler.ts), carrying notices (home-link/).
import type { ErrorCode } from '@doorsill/contract/errors';
import type { RequestNotice, Sighted, SightingNotice } from '@doorsill/contract/home-messages';
import type { AreaDocument, PublishedRequest } from '@doorsill/contract/request';
import type { SearchDocument } from '@doorsill/contract/search';
import { DocumentTurns, type VerifiedDocument } from './area-documents.ts';
import type { ConsentContext } from './consent-context.ts';
import type { EffectRunner } from './effect-runner.ts';
import { standingReceipt } from './gate-state.ts';
import { awaitsOwner } from './request-machine.ts';

/** Receipts of requests changed this recently are repeated after a restart: the last ones may not have been sent. */
const RESTATE_US = 600_000_000;
const RESTATED_MAX = 16;
/** At most this many receipts that were or may have been lost are repeated, however old; the link's queue has room for them. */
const UNTOLD_MAX = 500;

export class Announcer {
  private readonly context: ConsentContext;
  private readonly runner: EffectRunner;

  constructor(context: ConsentContext, runner: EffectRunner) {
    this.context = context;
    this.runner = runner;
  }

  /** Requests that wait for an answer and may be answered now; one whose grant failed or was revoked waits again. */
  notices(): RequestNotice[] {
    const { context, runner } = this;
    const { area } = context;
    const waiting = area.requests().filter((one) => awaitsOwner(runner.stateOf(one.request.jti)));
    return waiting.filter((one) => area.standingOf(one) === null).map((one) => area.noticeOf(one));
  }

  /** Open requests that do not wait for an owner: one of them has answered. */
  answered(): PublishedRequest[] {
    const open = this.context.area.requests();
    return open.filter((one) => !awaitsOwner(this.runner.stateOf(one.request.jti))).map(({ published }) => published);
  }

  /** The same for pets that may have been seen. */
  sightings(): SightingNotice[] {
    const { context, runner } = this;
    const { searches } = context;
    const waiting = searches.sightedIds().filter((id) => awaitsOwner(runner.stateOf(id)));
    return waiting.map((id) => searches.noticeOf(id));
  }

  /** Sends notices of requests that the owner was not told of yet. */
  news(): void {
    const { area, effects } = this.context;
    for (const opened of area.takeAnswerable()) {
      if (this.runner.stateOf(opened.request.jti).at !== 'pending') continue;
      effects.requestNotice(area.noticeOf(opened));
    }
  }

  /** Whether an owner may still answer a request, or could while it was open. */
  isUnanswered(id: string): boolean {
    const { state } = this.context.state.record(id);
    return state.at === 'unseen' || awaitsOwner(state);
  }

  /** Tells owners that requests which waited for them are over: they were told of them, and hear of no answer to them any more. */
  closed(requests: readonly string[]): void {
    const { effects } = this.context;
    for (const request of requests) effects.receipt({ outcome: 'failed', request, code: 'consent_request_cancelled' });
    if (requests.length > 0) effects.changed();
  }

  /** Sends the notice of one search whose pet may have been seen; does nothing once it is answered. */
  sighting(id: string): void {
    const { searches, effects } = this.context;
    if (awaitsOwner(this.runner.stateOf(id))) effects.sighting(searches.noticeOf(id));
  }

  all(): void {
    for (const notice of this.notices()) this.context.effects.requestNotice(notice);
    for (const notice of this.sightings()) this.context.effects.sighting(notice);
    this.restate();
  }

  restate(): void {
    const { state, effects } = this.context;
    const { clock, untoldFrom } = this.context.deps;
    const sinceUs = clock.wallUs() - RESTATE_US;
    const untold = untoldFrom?.() ?? Number.POSITIVE_INFINITY;
    const all = [...state.requests].sort(([, a], [, b]) => a.touchedEntries - b.touchedEntries);
    const due = new Set([
      ...all.filter(([, record]) => record.touchedEntries >= untold).slice(-UNTOLD_MAX),
      ...all.filter(([, record]) => record.touchedUs >= sinceUs).slice(-RESTATED_MAX),
    ]);
    for (const each of all) {
      const [request, record] = each;
      const body = due.has(each) ? standingReceipt(request, record) : null;
      if (body) effects.receipt(body);
    }
  }
}

export class AreaMessageHandler {
  private readonly context: ConsentContext;
  private readonly runner: EffectRunner;
  private readonly announcer: Announcer;
  private readonly areaTurns: DocumentTurns<AreaDocument>;
  private readonly searchTurns: DocumentTurns<SearchDocument>;

  constructor(context: ConsentContext, runner: EffectRunner, announcer: Announcer) {
    this.context = context;
    this.runner = runner;
    this.announcer = announcer;
    this.areaTurns = new DocumentTurns(context.queue, (newest) => this.takeArea(newest));
    this.searchTurns = new DocumentTurns(context.queue, (newest) => this.takeSearches(newest));
  }

  /** A part of the cell's document of requests; resolves with the code of its refusal, null when it was heeded or is no news. */
  async areaDocument(part: number, token: string): Promise<ErrorCode | null> {
    const { state, area } = this.context;
    const { pins } = state;
    if (!pins) return this.refuse('token_unknown_signer');
    return this.inTurn(this.areaTurns, area.openDocument(part, token, pins), { token, pins });
  }

  /** The same for a part of the cell's searches. A home that takes no part does not even open it. */
  async searchDocument(part: number, token: string): Promise<ErrorCode | null> {
    const { state, searches, searchPartyOn } = this.context;
    const { pins } = state;
    if (!searchPartyOn) return null;
    if (!pins) return this.refuse('token_unknown_signer');
    return this.inTurn(this.searchTurns, searches.openDocument(part, token, pins), { token, pins });
  }

  /** Takes in what was opened, unless there is no room. `opened` is a refusal's code, or null where it is no news. */
  private async inTurn<Document extends { part: number; revision: number }>(
    turns: DocumentTurns<Document>,
    opened: Document | ErrorCode | null,
    by: Omit<VerifiedDocument<Document>, 'document'>,
  ): Promise<ErrorCode | null> {
    const { context } = this;
    if (typeof opened === 'string') return this.refuse(opened);
    if (opened === null) return null;
    // Half of the queue is reserved for owners: a bridge's documents must not crowd out their orders.
    if (!turns.waits(opened.part) && !context.hasRoom(context.limits.waitingMax / 2)) return null;
    const turn = turns.add({ document: opened, ...by });
    if (turn === null) return this.refuse('consent_too_old');
    await turn;
    return null;
  }

  private async takeArea({ document, token, pins }: VerifiedDocument<AreaDocument>): Promise<void> {
    const { context, runner, announcer } = this;
    if (context.state.pins !== pins) return;
    const news = await context.area.takeDocument(document, token, pins);
    for (const code of news.refused) context.count(code);
    // Before the sweep: a request whose grant it ends gets its receipt there.
    const unanswered = news.closed.filter((id) => announcer.isUnanswered(id));
    if (news.cancelled.length > 0) await runner.sweep();
    announcer.closed(unanswered);
    announcer.news();
  }

  private async takeSearches({ document, token, pins }: VerifiedDocument<SearchDocument>): Promise<void> {
    const { context, runner } = this;
    const { state, searches } = context;
    if (state.pins !== pins || !context.searchPartyOn) return;
    const news = await searches.takeDocument(document, token, pins);
    for (const code of news.refused) context.count(code);
    if (news.ended.length > 0) await runner.sweep();
    context.effects.searches(searches.searches());
  }

  /** The registry's revocation list, in the same way. */
  async revocations(token: string): Promise<ErrorCode | null> {
    const { context, runner, announcer } = this;
    const { state, area } = context;
    const { pins } = state;
    const list = pins ? area.openList(token, pins) : 'token_unknown_signer';
    if (typeof list === 'string') return this.refuse(list);
    if (!list) return null;
    for (const { id, facts } of runner.liveGrants()) {
      const credential = state.record(facts.request.jti).facts?.credential;
      if (credential && area.isRevoked(list, credential)) runner.endLive(id, "its agency's access was revoked");
    }
    // Not dropped when the queue is full: the registry signs each, and repeats are skipped, so they are few.
    await context.queue.run(async () => {
      if (state.pins !== pins) return;
      await area.takeList(list, token);
      await runner.sweep();
      announcer.news();
    });
    return null;
  }

  private refuse(code: ErrorCode): ErrorCode {
    this.context.count(code);
    return code;
  }

  /** A searched pet may have been seen here: from now on this home's owners, and nobody else, are told. */
  async sighted(search: string, seen: Sighted): Promise<void> {
    const { context, announcer } = this;
    await context.queue.run(async () => {
      if (!context.searchPartyOn || !context.searches.sight(search, seen)) return;
      announcer.sighting(search);
      context.effects.changed();
    });
  }

  /** Turns Search Party on or off. When it is off, no search is kept. */
  turnSearchParty(on: boolean): void {
    const { searches, effects, deps } = this.context;
    if (!on) searches.clear();
    effects.searches(searches.searches());
    effects.changed();
    deps.log.info('Search Party', { on });
  }
}
