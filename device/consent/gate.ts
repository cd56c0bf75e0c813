// Owns: the one way from an owner's signed message to footage that leaves: it orders verification, ledger, live grant and effects,
// and is the sole maker of a LiveGrant. Everything that changes state runs through one queue.
// Not here: the checks (verify-*.ts, area-requests.ts), a request's states (request-machine.ts), commands (command-handler.ts), clips and links.
import { wallSeconds } from '@doorsill/base/clock';
import { isPublicKey, sha256Hex } from '@doorsill/base/keys';
import { assert } from '@doorsill/contract/assert';
import type { Look, Viewer, ViewRight } from '@doorsill/contract/console-messages';
import { type ErrorCode, failure, isFailure } from '@doorsill/contract/errors';
import type { RequestNotice, Sighted, SightingNotice } from '@doorsill/contract/home-messages';
import { actorId } from '@doorsill/contract/ids';
import type { SettingsInForce } from '@doorsill/contract/owner-settings';
import type { PublishedRequest } from '@doorsill/contract/request';
import type { LedgerHead } from '../ledger/ledger.ts';
import { Announcer, AreaMessageHandler } from './area-message-handler.ts';
import { ClipReports } from './clip-report-handler.ts';
import { CommandHandler, ownerFault, pairingStatement } from './command-handler.ts';
import { ConsentContext } from './consent-context.ts';
import { EffectRunner } from './effect-runner.ts';
import type { GateDeps, GateEffects } from './gate-interfaces.ts';
import type { GateState, Owner, Pins } from './gate-state.ts';
import { type GrantFacts, mintLiveGrant } from './live-grant.ts';
import { mintLivePreview } from './live-preview.ts';
import { OwnerMessageHandler } from './owner-order-handler.ts';
import { Previews } from './previews.ts';
import { type RequestState, revocableGrant, unfinishedGrant } from './request-machine.ts';
import { UpkeepTimer } from './upkeep-timer.ts';
import { type OwnerMessage, openOwnerMessage } from './verify-owner.ts';

/** Maximum number of requests in one state message (contract/home-messages.ts). */
const LISTED_MAX = 200;

export class ConsentGate {
  private readonly context: ConsentContext;
  private readonly runner: EffectRunner;
  private readonly announcer: Announcer;
  private readonly areaMessages: AreaMessageHandler;
  private readonly commands: CommandHandler;
  private readonly ownerMessages: OwnerMessageHandler;
  private readonly reports: ClipReports;
  /** Clips that owners look at before they decide, and those that have left. */
  readonly previews: Previews;
  readonly departures: GateState['departures'];
  private opening: Promise<void> | null = null;
  private readonly timer: UpkeepTimer;

  constructor(deps: GateDeps) {
    const context = new ConsentContext(deps);
    const mint = (facts: GrantFacts) => mintLiveGrant(facts, context.answerable.groundOf(facts.request));
    this.context = context;
    this.runner = new EffectRunner(context, mint);
    this.announcer = new Announcer(context, this.runner);
    this.areaMessages = new AreaMessageHandler(context, this.runner, this.announcer);
    this.commands = new CommandHandler(context, this.runner, this.announcer, this.areaMessages);
    this.ownerMessages = new OwnerMessageHandler(context, this.runner, this.commands);
    this.reports = new ClipReports(context, this.runner);
    this.previews = new Previews(context, mintLivePreview);
    this.departures = context.state.departures;
    this.timer = new UpkeepTimer({
      clock: deps.clock,
      nextDeadlineMs: () => this.runner.nextDeadlineMs(),
      endOverdue: () => this.runner.endOverdue(),
      upkeep: (begins) => void context.queue.run(() => this.upkeep(begins)),
    });
  }

  /**
   * Replays the ledger, so that what owners ordered is known; nothing else happens yet. Records that do not verify or cannot be
   * read do not stop the device: it rings, and every decision is refused with `consent_ledger_damaged`. It records if it is
   * known that it may. `effects` is what decisions cause from now on.
   */
  open(effects: GateEffects): Promise<void> {
    this.opening ??= this.context.open(effects, () => this.ownerMessages.start());
    return this.opening;
  }

  /** Continues unfinished work; to be called once it is open. */
  async start(): Promise<void> {
    assert(this.opening !== null, 'a gate is opened before it starts');
    await this.opening;
    this.context.tellTampering();
    this.context.running = true;
    await this.context.queue.run(() => this.resume());
    this.timer.start();
  }

  /** Ends every live grant for this boot (the next start resumes them) and closes the ledger. */
  async stop(): Promise<void> {
    this.context.running = false;
    this.timer.stop();
    this.runner.endAll('the device stops');
    this.previews.endAll('the device stops');
    await this.context.queue.idle();
    this.runner.endAll('the device stops');
    await this.context.ledger.stop();
    await this.ownerMessages.stop();
  }

  /** Resolves when everything received so far has been processed. */
  async idle(): Promise<void> {
    await this.context.queue.idle();
  }

  get head(): LedgerHead {
    return this.context.ledger.head;
  }

  /** The chained hash of the last order accepted, any owner's: what the next command must name (contract/owner-orders.ts). */
  get lastOrder(): string {
    return this.context.state.lastOrder;
  }

  /** Whether decisions can be stored. */
  get storage(): 'ok' | 'full' | 'failed' {
    return this.context.ledger.storage === 'ok' ? this.context.area.storage : this.context.ledger.storage;
  }

  get clockTrusted(): boolean {
    return this.context.marks.clockTrusted();
  }

  /** What is wrong with the ledger; null while it verifies. */
  get damaged(): string | null {
    return this.context.damage;
  }

  /** As last ordered by an owner's command; on while the last order is not known, because the ledger was not read to its end. */
  get privacyOn(): boolean {
    return this.context.state.privacyOn || !this.context.isFolded;
  }

  /** What is in force of the settings that owners may change. */
  get settings(): SettingsInForce {
    return this.context.settings;
  }

  get pins(): Pins | null {
    return this.context.state.pins;
  }

  owners(): Owner[] {
    return [...this.context.state.owners.values()];
  }

  /** Whether there may have been other owners than these: one was removed, or the device was restored. */
  get hadOtherOwners(): boolean {
    const { formerS, restoredS } = this.context.state;
    return formerS.size + restoredS > 0;
  }

  /** Number of messages that were not accepted since the start, by code. */
  unbelievedCounts(): Partial<Record<ErrorCode, number>> {
    return this.context.unbelievedCounts();
  }

  /** Grants whose clips are still needed. At start the outbox removes every other clip. */
  unfinishedGrants(): string[] {
    return [...this.context.state.requests.values()].flatMap(({ state }) => unfinishedGrant(state)?.id ?? []);
  }

  /** Grants whose clips can still be recalled where they are now. The outbox keeps the recalls of these only. */
  revocableGrants(): string[] {
    return [...this.context.state.requests.values()].flatMap(({ state }) => revocableGrant(state)?.id ?? []);
  }

  /** Open requests, and closed ones with a grant or revocation under way; at most as many as a state can list. */
  openRequests(): { request: string; state: RequestState['at'] }[] {
    const busy = [...this.context.state.requests].filter(
      ([, { state }]) => state.at === 'revoking' || unfinishedGrant(state),
    );
    const ids = new Set([...this.context.answerable.ids(), ...busy.map(([request]) => request)]);
    return [...ids].slice(0, LISTED_MAX).map((request) => ({ request, state: this.runner.stateOf(request).at }));
  }

  /** Requests that wait for an answer and may be answered now. */
  notices(): RequestNotice[] {
    return this.announcer.notices();
  }

  /** Requests that are open, and that an owner has answered. */
  answered(): PublishedRequest[] {
    return this.announcer.answered();
  }

  /** Requests that concern this home and that its owners cannot be asked about, and why. */
  unasked() {
    return this.context.area.unasked.list();
  }

  /** The same for pets that may have been seen. */
  sightings(): SightingNotice[] {
    return this.announcer.sightings();
  }

  /** Whether the home takes part in Search Party. */
  get searchPartyOn(): boolean {
    return this.context.searchPartyOn;
  }

  /** Who besides owners may see pictures on the device's own server. */
  viewers(): Viewer[] {
    return this.context.state.viewers.list();
  }

  /** The viewer of this id, while its time is not over; one with an end is not found while the clock cannot be trusted. */
  viewer(id: string): Viewer | null {
    const nowS = this.clockTrusted ? wallSeconds(this.context.deps.clock) : null;
    return this.context.damage === null ? this.context.state.viewers.find(id, nowS) : null;
  }

  /** Who looked at pictures, newest first; the last thousand. */
  looks(): Look[] {
    return this.context.state.viewers.looks();
  }

  /**
   * Records that an owner (by key) or a viewer (by id) begins to look, durable before the first picture is shown.
   * Throws `look_log_full`, `consent_ledger_damaged`, `consent_storage_failed`: then nothing may be shown.
   */
  looked(by: string, what: ViewRight): Promise<void> {
    return this.context.queue.run(async () => {
      this.context.assertWhole();
      await this.runner.record({ type: 'looked', body: { by, what } });
    });
  }

  /**
   * Adds an owner's key: for the pairing server, which has verified possession of it. Returns the device's statement; for a
   * key that is already paired, its existing one. Throws `owner_too_many`, `pairing_refused`, `consent_ledger_damaged`,
   * `consent_storage_failed`.
   */
  pair(key: string, name: string): Promise<string> {
    return this.context.queue.run(async () => {
      this.context.assertWhole();
      const known = this.context.state.owners.get(key);
      if (known) return known.statement;
      const fault = ownerFault(this.context.state, key, this.context.limits.ownersMax);
      if (fault) throw fault;
      const statement = pairingStatement(this.context.deps.device, key, this.context.deps.clock);
      await this.runner.record({ type: 'paired', body: { key, name, statement } });
      this.context.effects.changed();
      return statement;
    });
  }

  /**
   * Turns privacy on without an owner's signature, for Home Assistant where the settings allow that; recorded first, like every
   * decision. It is no order, so what owners signed stays as fresh as it was; turning privacy off takes an order.
   * Throws `consent_ledger_damaged`, `consent_storage_failed`.
   */
  turnPrivacyOn(): Promise<void> {
    return this.context.queue.run(async () => {
      this.context.assertWhole();
      if (this.context.state.privacyOn) return;
      await this.runner.record({ type: 'privacy-on', body: { by: 'home-assistant' } });
      this.context.effects.privacy(true);
      this.context.effects.changed();
    });
  }

  /**
   * Pins a bridge and a registry. Changing the bridge ends every grant for the old one.
   * Throws `enrolment_key_mismatch` for keys that cannot be pinned, `consent_ledger_damaged`, `consent_storage_failed`.
   */
  async enrol(pins: Pins): Promise<void> {
    const isBridge = pins.bridge === actorId('bridge', sha256Hex(pins.bridgeKey));
    if (!isBridge || !isPublicKey(pins.bridgeKey) || !isPublicKey(pins.registryKey)) {
      throw failure('enrolment_key_mismatch');
    }
    await this.context.queue.run(async () => {
      this.context.assertWhole();
      const before = this.context.state.pins;
      if (before?.bridgeKey === pins.bridgeKey && before.registryKey === pins.registryKey) return;
      await this.runner.record({ type: 'enrolled', body: pins });
      this.context.area.clear();
      this.context.searches.clear();
      this.context.effects.searches([]);
      if (before) await this.context.marks.forgetRevisions().catch((thrown: unknown) => this.markFailed(thrown));
      await this.runner.sweep();
      this.context.effects.changed();
    });
  }

  /** Takes in the cell's document from the topic of part `part`. Retained messages are accepted here: it is not an order. */
  onAreaDocument(part: number, token: string): Promise<ErrorCode | null> {
    return this.areaMessages.areaDocument(part, token);
  }

  /** The same for a part of the cell's searches for pets, if the home takes part. */
  onSearchDocument(part: number, token: string): Promise<ErrorCode | null> {
    return this.areaMessages.searchDocument(part, token);
  }

  /** Takes in the registry's revocation list. */
  onRevocations(token: string): Promise<ErrorCode | null> {
    return this.areaMessages.revocations(token);
  }

  /** A searched pet may have been seen here; the home's owners are told. */
  async sighted(search: string, seen: Sighted): Promise<void> {
    if (this.context.running) await this.areaMessages.sighted(search, seen);
  }

  /**
   * Takes a message from the home link's consent and command topics, or from the console. Resolves when it has been
   * processed. A message that is not authentic is counted, never answered; all others get a receipt. A revocation takes
   * effect before this returns, whatever else is running.
   */
  async onOwnerMessage(message: OwnerMessage): Promise<void> {
    if (!this.context.running) return;
    const owners = [...this.context.state.owners.keys()];
    const { prefix, device } = this.context.deps;
    const order = openOwnerMessage(message, { prefix, device: device.id, owners });
    if (typeof order === 'string') return this.context.count(order);
    if (order.kind === 'revoke') {
      const { takenBack } = this.runner;
      const isWaiting = takenBack.get(order.claims.grant)?.token === order.token;
      if (isWaiting && this.context.queue.waiting >= this.context.limits.waitingMax) return;
      takenBack.set(order.claims.grant, order);
      this.runner.endNamed(order);
    } else if (!this.context.hasRoom()) return;
    await this.context.queue.run(async () => {
      // The newest list's mark may fit on the disk again: a grant need not wait for the next upkeep.
      if (order.kind === 'grant') await this.context.area.retryList();
      await this.ownerMessages.carryOut(order);
    });
    this.timer.arm();
  }

  /** The clip is on disk, sealed, with its final bytes, and what is disclosed goes with it. Throws `grant_dead`, `consent_storage_failed`. */
  clipSealed(...said: Parameters<ClipReports['clipSealed']>): Promise<void> {
    return this.reported(() => this.reports.clipSealed(...said));
  }

  /** To be awaited before the upload token is shown to the bridge for the first time. Throws as `clipSealed`. */
  tokenPresented(grant: string): Promise<void> {
    return this.reported(() => this.reports.tokenPresented(grant));
  }

  /** The bridge has the whole clip: `intake` is its signed receipt. Throws `token_*`, `verify_failed`, `grant_dead`, `consent_storage_failed`. */
  delivered(grant: string, intake: string): Promise<void> {
    return this.reported(() => this.reports.delivered(grant, intake));
  }

  /** The bridge's signed answer to a revocation: parts deleted, or the clip already handed over. Throws as `delivered`. */
  revocationAnswered(grant: string, intake: string): Promise<void> {
    return this.reported(() => this.reports.revocationAnswered(grant, intake));
  }

  /** The clip cannot be made or will never be accepted. Throws `grant_dead`, `consent_storage_failed`. */
  failed(grant: string, code: ErrorCode): Promise<void> {
    return this.reported(() => this.reports.failed(grant, code));
  }

  private reported(report: () => Promise<void>): Promise<void> {
    return this.context.queue.run(async () => {
      this.context.assertWhole();
      await report();
      this.context.effects.changed();
    });
  }

  private async resume(): Promise<void> {
    await this.upkeep();
    if (this.context.damage !== null) return;
    for (const { state, revocation, bridge } of this.context.state.requests.values()) {
      if (state.at !== 'revoking' || revocation === null) continue;
      this.context.effects.sendRevocation(state.grant.id, revocation, bridge);
    }
    this.announcer.restate();
    this.context.effects.changed();
  }

  private markFailed(thrown: unknown): void {
    this.context.deps.log.warn('a mark could not be stored', { error: String(thrown) });
  }

  private async upkeep(begins: () => void = () => undefined): Promise<void> {
    begins();
    const { log } = this.context.deps;
    await this.context.marks.advance().catch((thrown: unknown) => this.markFailed(thrown));
    this.context.area.dropExpired();
    this.context.searches.dropExpired();
    await this.context.area.retryList();
    if (this.context.damage !== null) return;
    await this.ownerMessages.retryRevokes();
    await this.commands.finishForgets().catch((thrown: unknown) => {
      if (!isFailure(thrown)) throw thrown;
      log.warn('footage could not be forgotten yet', { code: thrown.code });
    });
    await this.runner.sweep();
    this.previews.sweep();
    this.runner.resumeLive();
    this.announcer.news();
  }

  /** Publishes the open requests and the latest grants' state again: an owner or the broker may have missed them. */
  async announce(): Promise<void> {
    if (this.context.running) await this.context.queue.run(async () => this.announcer.all());
  }
}
