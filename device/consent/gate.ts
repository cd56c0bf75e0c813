// Owns: the one way from an owner's signed word to footage leaving: it orders verification, ledger, live grant and effects,
// and is the sole maker of a LiveGrant. Everything that changes state runs through one queue.
// Not here: the checks (verify-*.ts, area-view.ts), a request's states (request-machine.ts), command-handler.ts, clips and links.
import type { Timer } from '../base/clock.ts';
import { isPublicKey, sha256Hex } from '../base/keys.ts';
import { TaskQueue } from '../base/task-queue.ts';
import { type ErrorCode, failure, isFailure } from '../protocol/errors.ts';
import type { RequestNotice, Sighted } from '../protocol/home.ts';
import { actorId } from '../protocol/ids.ts';
import { Announcer } from './announcer.ts';
import { AnswerableRequests } from './answerable-requests.ts';
import { AreaDesk } from './area-desk.ts';
import { AreaMessageHandler } from './area-messages.ts';
import { CommandHandler, ownerFault, pairingStatement } from './command-handler.ts';
import { EffectRunner } from './effect-runner.ts';
import { GATE_LIMITS, type GateDeps, type GateLimits } from './gate-effects.ts';
import { GateState, type Owner, type Pins } from './gate-state.ts';
import { HighWaterMarks } from './high-water-marks.ts';
import { Ledger, type LedgerHead, recordsFault } from './ledger.ts';
import type { ClipFacts } from './ledger-entry.ts';
import { mintLiveGrant } from './live-grant.ts';
import { OwnerMessageHandler } from './owner-messages.ts';
import { ClipReports } from './reports.ts';
import { type RequestState, revocableGrant, unfinishedGrant } from './request-machine.ts';
import { SearchDesk } from './search-desk.ts';
import { type OwnerMessage, openOwnerMessage } from './verify-owner.ts';

/** Grants are swept, marks advanced and unfinished work tried again at least this often. */
const TICK_MS_MAX = 30_000;
/** Requests in one state message (protocol/home.ts). */
const LISTED_MAX = 200;

export class ConsentGate {
  private readonly deps: GateDeps;
  private readonly limits: GateLimits;
  private readonly queue = new TaskQueue();
  private readonly ledger: Ledger;
  private readonly marks: HighWaterMarks;
  private readonly state: GateState;
  private readonly area: AreaDesk;
  private readonly searches: SearchDesk;
  private readonly answerable: AnswerableRequests;
  private readonly announcer: Announcer;
  private readonly hearing: AreaMessageHandler;
  private readonly runner: EffectRunner;
  private readonly commands: CommandHandler;
  private readonly orders: OwnerMessageHandler;
  private readonly reports: ClipReports;
  private readonly unbelieved = new Map<ErrorCode, number>();
  private damage: string | null = null;
  private isFolded = false;
  private timer: Timer | null = null;
  private running = false;
  private upkeepWaits = false;

  constructor(deps: GateDeps) {
    this.deps = deps;
    this.limits = { ...GATE_LIMITS, ...deps.limits };
    const { disk, clock, folder, device, boot } = deps;
    const ledger = new Ledger({ disk, clock, folder, device, boot, bytesMax: this.limits.ledgerBytesMax });
    const marks = new HighWaterMarks(disk, clock, folder);
    const state = new GateState(device.id);
    this.area = new AreaDesk(deps, this.limits, marks);
    this.searches = new SearchDesk(deps, marks);
    const { area, searches } = this;
    const answerable = new AnswerableRequests(area.view, searches.view, clock);
    this.answerable = answerable;
    this.runner = new EffectRunner({
      ...deps,
      ledger,
      state,
      marks,
      answerable,
      mint: (facts) => mintLiveGrant(facts, answerable.groundOf(facts.request)),
    });
    this.commands = new CommandHandler({
      ...{ device, clock, state, marks, log: deps.log, effects: deps.effects, ownersMax: this.limits.ownersMax },
      buttons: deps.buttons,
      record: (body) => this.runner.record(body),
      announce: () => this.announcer.all(),
      forgotten: (window) => this.searches.view.forget(window),
      searchParty: (on) => this.hearing.turnSearchParty(on),
    });
    const { runner, commands, limits } = this;
    this.announcer = new Announcer({ ...deps, state, area, searches, runner });
    this.orders = new OwnerMessageHandler({
      ...deps,
      state,
      marks,
      answerable,
      runner,
      commands,
      limits,
      damage: () => this.damage,
    });
    this.hearing = new AreaMessageHandler({
      ...{ ...deps, state, area, searches, runner, announcer: this.announcer, queue: this.queue, limits },
      searchPartyOn: () => this.searchPartyOn,
      hasRoom: (waitingMax) => this.hasRoom(waitingMax),
      count: (code) => this.count(code),
    });
    this.reports = new ClipReports(device.id, state, runner);
    this.ledger = ledger;
    this.marks = marks;
    this.state = state;
  }

  /**
   * Folds the ledger and takes up what was unfinished. Records that do not verify, or that the disk does not show, do not stop
   * the device: it rings, and every decision is refused with `consent_ledger_damaged`. It records if it is known that it may.
   */
  async start(): Promise<void> {
    try {
      await this.ledger.start((entry) => {
        const wrong = this.state.apply(entry);
        if (wrong !== null) throw failure('consent_ledger_damaged', { detail: `entry ${entry.sequence}: ${wrong}` });
      });
      this.isFolded = true;
      await this.marks.start(this.state);
      await this.orders.start();
    } catch (thrown) {
      const { detail, isTamper } = recordsFault(thrown);
      this.damage = detail;
      this.deps.log.error('the consent records cannot be used, nothing will be granted', { detail });
      if (isTamper) this.deps.effects.tamper('ledger', detail.slice(0, 300));
    }
    this.running = true;
    await this.queue.run(() => this.resume());
    this.arm();
  }

  /** Ends every live grant for this boot (the next start takes them up again) and closes the ledger. */
  async stop(): Promise<void> {
    this.running = false;
    this.timer?.cancel();
    this.timer = null;
    this.runner.endAll('the device stops');
    await this.queue.idle();
    this.runner.endAll('the device stops');
    await this.ledger.stop();
    await this.orders.stop();
  }

  /** Resolves when everything that has come in so far has been dealt with. */
  async idle(): Promise<void> {
    await this.queue.idle();
  }

  get head(): LedgerHead {
    return this.ledger.head;
  }

  /** The chained hash of the last order accepted, any owner's: what the next command must name (protocol/grant.ts). */
  get lastOrder(): string {
    return this.state.lastOrder;
  }

  /** How storing decisions does. */
  get storage(): 'ok' | 'full' | 'failed' {
    return this.ledger.storage === 'ok' ? this.area.storage : this.ledger.storage;
  }

  get clockTrusted(): boolean {
    return this.marks.clockTrusted();
  }

  /** What is wrong with the ledger; null while it verifies. */
  get damaged(): string | null {
    return this.damage;
  }

  /** As last ordered by an owner's command; on when the ledger cannot say which order was the last. */
  get privacyOn(): boolean {
    return this.state.privacyOn || (this.damage !== null && !this.isFolded);
  }

  get pins(): Pins | null {
    return this.state.pins;
  }

  owners(): Owner[] {
    return [...this.state.owners.values()];
  }

  /** Messages that were not believed since the start, by code. Never an entry: a spammer must not wear out a card. */
  unbelievedCounts(): Partial<Record<ErrorCode, number>> {
    return Object.fromEntries(this.unbelieved);
  }

  /** Grants whose clips are still needed. An outbox removes every other clip it holds when it starts. */
  unfinishedGrants(): string[] {
    return [...this.state.requests.values()].flatMap(({ state }) => unfinishedGrant(state)?.id ?? []);
  }

  /** Grants that may still be taken back where their clips are. An outbox keeps the recalls of these and of no other. */
  revocableGrants(): string[] {
    return [...this.state.requests.values()].flatMap(({ state }) => revocableGrant(state)?.id ?? []);
  }

  /** Open requests, and closed ones with a grant or revocation under way; at most as many as a state can list. */
  openRequests(): { request: string; state: RequestState['at'] }[] {
    const busy = [...this.state.requests].filter(([, { state }]) => state.at === 'revoking' || unfinishedGrant(state));
    const ids = new Set([...this.answerable.ids(), ...busy.map(([request]) => request)]);
    return [...ids].slice(0, LISTED_MAX).map((request) => ({ request, state: this.runner.stateOf(request).at }));
  }

  /** Requests that wait for an answer and may be answered now. */
  notices(): RequestNotice[] {
    return this.announcer.notices();
  }

  /** Whether the home takes part in Search Party: by its owners' last word, or its settings; never on records that are damaged. */
  get searchPartyOn(): boolean {
    return this.damage === null && (this.state.searchParty ?? this.deps.searchParty ?? false);
  }

  /**
   * Makes a key an owner's: for the pairing server, which has had the key proven. Returns the device's statement; for a key
   * that is paired already, the one it has. Throws `owner_too_many`, `pairing_refused`, `consent_ledger_damaged`,
   * `consent_storage_failed`.
   */
  pair(key: string, name: string): Promise<string> {
    return this.queue.run(async () => {
      this.assertWhole();
      const known = this.state.owners.get(key);
      if (known) return known.statement;
      const fault = ownerFault(this.state, key, this.limits.ownersMax);
      if (fault) throw fault;
      const statement = pairingStatement(this.deps.device, key, this.deps.clock);
      await this.runner.record({ type: 'paired', body: { key, name, statement } });
      this.deps.effects.changed();
      return statement;
    });
  }

  /**
   * Pins a bridge and a registry. Another bridge than before ends every grant that was for the old one.
   * Throws `enrolment_key_mismatch` for keys that cannot be pinned, `consent_ledger_damaged`, `consent_storage_failed`.
   */
  async enrol(pins: Pins): Promise<void> {
    const isBridge = pins.bridge === actorId('bridge', sha256Hex(pins.bridgeKey));
    if (!isBridge || !isPublicKey(pins.bridgeKey) || !isPublicKey(pins.registryKey)) {
      throw failure('enrolment_key_mismatch');
    }
    await this.pin(pins);
  }

  private pin(pins: Pins): Promise<void> {
    return this.queue.run(async () => {
      this.assertWhole();
      const before = this.state.pins;
      if (before?.bridgeKey === pins.bridgeKey && before.registryKey === pins.registryKey) return;
      await this.runner.record({ type: 'enrolled', body: pins });
      this.area.clear();
      this.searches.clear();
      this.deps.effects.searches([]);
      if (before) await this.marks.forgetRevisions().catch((thrown: unknown) => this.markFailed(thrown));
      await this.runner.sweep();
      this.deps.effects.changed();
    });
  }

  /** Takes in the cell's document that came on the topic of part `part`. Retained is the rule here: it is no order. */
  onAreaDocument(part: number, token: string): Promise<void> {
    return this.hearing.areaDocument(part, token);
  }

  /** Takes in a part of the cell's searches for pets in the same way, if the home takes part. */
  onSearchDocument(part: number, token: string): Promise<void> {
    return this.hearing.searchDocument(part, token);
  }

  /** Takes in the registry's revocation list. */
  onRevocations(token: string): Promise<void> {
    return this.hearing.revocations(token);
  }

  /** A pet that is looked for may have been seen here; its owners are told. */
  async sighted(search: string, seen: Sighted): Promise<void> {
    if (this.running) await this.hearing.sighted(search, seen);
  }

  /**
   * Takes a message of the home link's consent and command topics, or of the console. Resolves when it has been dealt
   * with. What is not authentic is counted, never answered; all else gets a receipt. A revocation takes effect before this
   * returns, whatever else is under way.
   */
  async onOwnerMessage(message: OwnerMessage): Promise<void> {
    if (!this.running) return;
    const owners = [...this.state.owners.keys()];
    const order = openOwnerMessage(message, { prefix: this.deps.prefix, device: this.deps.device.id, owners });
    if (typeof order === 'string') return this.count(order);
    if (order.kind === 'revoke') {
      const { takenBack } = this.runner;
      const isWaiting = takenBack.get(order.claims.grant)?.token === order.token;
      if (isWaiting && this.queue.waiting >= this.limits.waitingMax) return;
      takenBack.set(order.claims.grant, order);
      this.runner.endNamed(order);
    } else if (!this.hasRoom()) return;
    await this.queue.run(async () => {
      // There may be room for the newest list's mark again: a grant need not wait for the next upkeep.
      if (order.kind === 'grant') await this.area.retryList();
      await this.orders.carryOut(order);
    });
    this.arm();
  }

  /** The clip is on disk, sealed, with its final bytes. Throws `grant_dead`, `consent_storage_failed`. */
  clipSealed(grant: string, clip: ClipFacts): Promise<void> {
    return this.reported(() => this.reports.clipSealed(grant, clip));
  }

  /** To be awaited before the upload token is shown to the bridge for the first time. Throws as `clipSealed`. */
  tokenPresented(grant: string): Promise<void> {
    return this.reported(() => this.reports.tokenPresented(grant));
  }

  /**
   * The bridge has the whole clip: `intake` is its signed receipt. Throws `token_*`, `verify_failed`, `grant_dead`,
   * `consent_storage_failed`.
   */
  delivered(grant: string, intake: string): Promise<void> {
    return this.reported(() => this.reports.delivered(grant, intake));
  }

  /** The bridge's signed answer to a revocation: parts deleted, or the clip handed over before. Throws as `delivered`. */
  revocationAnswered(grant: string, intake: string): Promise<void> {
    return this.reported(() => this.reports.revocationAnswered(grant, intake));
  }

  /** The clip cannot be made or will never be taken. Throws `grant_dead`, `consent_storage_failed`. */
  failed(grant: string, code: ErrorCode): Promise<void> {
    return this.reported(() => this.reports.failed(grant, code));
  }

  private reported(report: () => Promise<void>): Promise<void> {
    return this.queue.run(async () => {
      this.assertWhole();
      await report();
      this.deps.effects.changed();
    });
  }

  private async resume(): Promise<void> {
    await this.upkeep();
    if (this.damage !== null) return;
    for (const { state, revocation, bridge } of this.state.requests.values()) {
      if (state.at !== 'revoking' || revocation === null) continue;
      this.deps.effects.sendRevocation(state.grant.id, revocation, bridge);
    }
    this.announcer.restate();
    this.deps.effects.changed();
  }

  private markFailed(thrown: unknown): void {
    this.deps.log.warn('a mark could not be stored', { error: String(thrown) });
  }

  private async upkeep(): Promise<void> {
    this.upkeepWaits = false;
    const { log } = this.deps;
    await this.marks.advance().catch((thrown: unknown) => this.markFailed(thrown));
    this.area.view.dropExpired();
    this.searches.view.dropExpired();
    await this.area.retryList();
    if (this.damage !== null) return;
    await this.orders.retryRevokes();
    await this.commands.finishForgets().catch((thrown: unknown) => {
      if (!isFailure(thrown)) throw thrown;
      log.warn('footage could not be forgotten yet', { code: thrown.code });
    });
    await this.runner.sweep();
    this.runner.resumeLive();
    this.announcer.news();
  }

  private arm(): void {
    this.timer?.cancel();
    if (!this.running) return;
    const delayMs = Math.max(0, Math.min(TICK_MS_MAX, this.runner.nextDeadlineMs()));
    this.timer = this.deps.clock.after(delayMs, () => {
      this.runner.endOverdue();
      if (!this.upkeepWaits) void this.queue.run(() => this.upkeep());
      this.upkeepWaits = true;
      this.arm();
    });
  }

  /** Says again what waits for an answer and where the latest grants stand: an owner or a broker may have missed it. */
  async announce(): Promise<void> {
    if (this.running) await this.queue.run(async () => this.announcer.all());
  }

  private assertWhole(): void {
    if (this.damage !== null) throw failure('consent_ledger_damaged', { detail: this.damage });
  }

  private hasRoom(waitingMax = this.limits.waitingMax): boolean {
    if (this.running && this.queue.waiting < waitingMax) return true;
    this.count('consent_too_many');
    return false;
  }

  private count(code: ErrorCode): void {
    this.unbelieved.set(code, (this.unbelieved.get(code) ?? 0) + 1);
  }
}
