// Handles each message of the area link, ends the grants that it affects, and sends the owners notices of open requests.
import type { ErrorCode } from '@doorsill/contract/errors';
import type { RequestNotice, Sighted, SightingNotice } from '@doorsill/contract/home-messages';
import type { AreaDocument, PublishedRequest } from '@doorsill/contract/request';
import type { SearchDocument } from '@doorsill/contract/search';
import { DocumentQueue, type VerifiedDocument } from './area-documents.ts';
import type { ConsentContext } from './consent-context.ts';
import type { EffectRunner } from './effect-runner.ts';
import { currentStateReceipt } from './gate-state.ts';
import { awaitsOwner } from './request-machine.ts';

/** After a restart the receipts of requests changed within this time are sent again: the last ones may not have been sent. */
const RESEND_US = 600_000_000;
const RESENT_MAX = 16;
/** Maximum number of possibly lost receipts that are sent again, however old; the link's queue has room for them. */
const LOST_RECEIPTS_MAX = 500;

export class OwnerNotifier {
  private readonly context: ConsentContext;
  private readonly runner: EffectRunner;

  constructor(context: ConsentContext, runner: EffectRunner) {
    this.context = context;
    this.runner = runner;
  }

  /** Requests that await an owner's answer and may be answered now. One whose grant failed or was revoked awaits one again. */
  notices(): RequestNotice[] {
    const { context, runner } = this;
    const { area } = context;
    const waiting = area.requests().filter((one) => awaitsOwner(runner.stateOf(one.request.jti)));
    return waiting.filter((one) => area.standingOf(one) === null).map((one) => area.noticeOf(one));
  }

  /** Open requests that an owner has answered. */
  answered(): PublishedRequest[] {
    const open = this.context.area.requests();
    return open.filter((one) => !awaitsOwner(this.runner.stateOf(one.request.jti))).map(({ published }) => published);
  }

  /** Notices of searches whose pet may have been seen here and that await an owner's answer. */
  sightings(): SightingNotice[] {
    const { context, runner } = this;
    const { searches } = context;
    const waiting = searches.sightedIds().filter((id) => awaitsOwner(runner.stateOf(id)));
    return waiting.map((id) => searches.noticeOf(id));
  }

  /** Sends the notices of requests that have not been sent yet. */
  sendNew(): void {
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

  /** Tells owners that these unanswered requests are closed: they got the notices, and no other receipt will follow. */
  sendClosed(requests: readonly string[]): void {
    const { effects } = this.context;
    for (const request of requests) effects.receipt({ outcome: 'failed', request, code: 'consent_request_cancelled' });
    if (requests.length > 0) effects.changed();
  }

  /** Sends the notice of one search whose pet may have been seen; does nothing once it is answered. */
  sendSighting(id: string): void {
    const { searches, effects } = this.context;
    if (awaitsOwner(this.runner.stateOf(id))) effects.sighting(searches.noticeOf(id));
  }

  sendAll(): void {
    for (const notice of this.notices()) this.context.effects.requestNotice(notice);
    for (const notice of this.sightings()) this.context.effects.sighting(notice);
    this.resendReceipts();
  }

  resendReceipts(): void {
    const { state, effects } = this.context;
    const { clock, missedReceiptsFrom } = this.context.deps;
    const sinceUs = clock.wallUs() - RESEND_US;
    const untold = missedReceiptsFrom?.() ?? Number.POSITIVE_INFINITY;
    const all = [...state.requests].sort(([, a], [, b]) => a.touchedEntries - b.touchedEntries);
    const due = new Set([
      ...all.filter(([, record]) => record.touchedEntries >= untold).slice(-LOST_RECEIPTS_MAX),
      ...all.filter(([, record]) => record.touchedUs >= sinceUs).slice(-RESENT_MAX),
    ]);
    for (const each of all) {
      const [request, record] = each;
      const body = due.has(each) ? currentStateReceipt(request, record) : null;
      if (body) effects.receipt(body);
    }
  }
}

export class AreaMessageHandler {
  private readonly context: ConsentContext;
  private readonly runner: EffectRunner;
  private readonly notifier: OwnerNotifier;
  private readonly areaQueue: DocumentQueue<AreaDocument>;
  private readonly searchQueue: DocumentQueue<SearchDocument>;

  constructor(context: ConsentContext, runner: EffectRunner, notifier: OwnerNotifier) {
    this.context = context;
    this.runner = runner;
    this.notifier = notifier;
    this.areaQueue = new DocumentQueue(context.queue, (newest) => this.takeArea(newest));
    this.searchQueue = new DocumentQueue(context.queue, (newest) => this.takeSearches(newest));
  }

  /** Handles a part of the cell's document of requests. Resolves with the code of its refusal; null when accepted or a repeat. */
  async areaDocument(part: number, token: string): Promise<ErrorCode | null> {
    const { state, area } = this.context;
    const { pins } = state;
    if (!pins) return this.refuse('token_unknown_signer');
    return this.enqueue(this.areaQueue, area.openDocument(part, token, pins), { token, pins });
  }

  /** The same for a part of the cell's searches. A home outside Search Party does not open it. */
  async searchDocument(part: number, token: string): Promise<ErrorCode | null> {
    const { state, searches, searchPartyOn } = this.context;
    const { pins } = state;
    if (!searchPartyOn) return null;
    if (!pins) return this.refuse('token_unknown_signer');
    return this.enqueue(this.searchQueue, searches.openDocument(part, token, pins), { token, pins });
  }

  /** Queues an opened document unless the queue is full. `opened`: the document, a refusal's code, or null for a repeat. */
  private async enqueue<Document extends { part: number; revision: number }>(
    queue: DocumentQueue<Document>,
    opened: Document | ErrorCode | null,
    by: Omit<VerifiedDocument<Document>, 'document'>,
  ): Promise<ErrorCode | null> {
    const { context } = this;
    if (typeof opened === 'string') return this.refuse(opened);
    if (opened === null) return null;
    // Half of the queue is reserved for owners: a bridge's documents must not crowd out their orders.
    if (!queue.waits(opened.part) && !context.hasRoom(context.limits.waitingMax / 2)) return null;
    const turn = queue.add({ document: opened, ...by });
    if (turn === null) return this.refuse('consent_too_old');
    await turn;
    return null;
  }

  private async takeArea({ document, token, pins }: VerifiedDocument<AreaDocument>): Promise<void> {
    const { context, runner, notifier } = this;
    if (context.state.pins !== pins) return;
    const news = await context.area.takeDocument(document, token, pins);
    for (const code of news.refused) context.count(code);
    // Read before the sweep, which sends the receipts of requests whose grants it ends.
    const unanswered = news.closed.filter((id) => notifier.isUnanswered(id));
    if (news.cancelled.length > 0) await runner.sweep();
    notifier.sendClosed(unanswered);
    notifier.sendNew();
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

  /** Handles the registry's revocation list in the same way. */
  async revocations(token: string): Promise<ErrorCode | null> {
    const { context, runner, notifier } = this;
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
      notifier.sendNew();
    });
    return null;
  }

  private refuse(code: ErrorCode): ErrorCode {
    this.context.count(code);
    return code;
  }

  /** Records a possible sighting of a searched pet and tells this home's owners, and nobody else. */
  async sighted(search: string, seen: Sighted): Promise<void> {
    const { context, notifier } = this;
    await context.queue.run(async () => {
      if (!context.searchPartyOn || !context.searches.recordSighting(search, seen)) return;
      notifier.sendSighting(search);
      context.effects.changed();
    });
  }

  /** Turns Search Party on or off. Turning it off drops all searches. */
  turnSearchParty(on: boolean): void {
    const { searches, effects, deps } = this.context;
    if (!on) searches.clear();
    effects.searches(searches.searches());
    effects.changed();
    deps.log.info(on ? 'Search Party is on' : 'Search Party is off, and its searches are dropped', { on });
  }
}
