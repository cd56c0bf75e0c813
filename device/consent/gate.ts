// The only path from an owner's signed message to footage that leaves. Only the gate makes a LiveGrant. Everything that changes
// state runs through its one queue.
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
import { AreaMessageHandler, OwnerNotifier } from './area-message-handler.ts';
import { ClipReportHandler } from './clip-report-handler.ts';
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
import { type DeliveredMessage, openOwnerMessage } from './verify-owner.ts';

/** Maximum number of requests in one state message (contract/home-messages.ts). */
const LISTED_MAX = 200;

export class ConsentGate {
  private readonly context: ConsentContext;
  private readonly runner: EffectRunner;
  private readonly notifier: OwnerNotifier;
  private readonly areaMessages: AreaMessageHandler;
  private readonly commands: CommandHandler;
  private readonly ownerMessages: OwnerMessageHandler;
  private readonly reports: ClipReportHandler;
  /** Clips that owners look at before they decide. */
  readonly previews: Previews;
  readonly sentClips: GateState['sentClips'];
  private opening: Promise<void> | null = null;
  private readonly timer: UpkeepTimer;

  constructor(deps: GateDeps) {
    const context = new ConsentContext(deps);
    const mint = (facts: GrantFacts) => mintLiveGrant(facts, context.answerable.groundOf(facts.request));
    this.context = context;
    this.runner = new EffectRunner(context, mint);
    this.notifier = new OwnerNotifier(context, this.runner);
    this.areaMessages = new AreaMessageHandler(context, this.runner, this.notifier);
    this.commands = new CommandHandler(context, this.runner, this.notifier, this.areaMessages);
    this.ownerMessages = new OwnerMessageHandler(context, this.runner, this.commands);
    this.reports = new ClipReportHandler(context, this.runner);
    this.previews = new Previews(context, mintLivePreview);
    this.sentClips = context.state.sentClips;
    this.timer = new UpkeepTimer({
      clock: deps.clock,
      nextDeadlineMs: () => this.runner.nextDeadlineMs(),
      endOverdue: () => this.runner.endOverdue(),
      upkeep: (begins) => void context.queue.run(() => this.upkeep(begins)),
    });
  }

  /**
   * Replays the ledger, and thereby the owners' orders; nothing else happens yet. With records that do not verify or cannot be
   * read the device still rings, but every decision is refused with `consent_ledger_damaged`, and it records only if the ledger
   * was replayed to its end and privacy is off. `effects` are those of all later decisions.
   */
  open(effects: GateEffects): Promise<void> {
    this.opening ??= this.context.open(effects, () => this.ownerMessages.start());
    return this.opening;
  }

  /** Continues unfinished work. Call it after `open`. */
  async start(): Promise<void> {
    assert(this.opening !== null, 'a gate is opened before it starts');
    await this.opening;
    this.context.reportTampering();
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

  /** The chained hash of the last accepted order of any owner, which the next command must name (contract/owner-orders.ts). */
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

  /** The ledger's fault; null while it verifies. */
  get damaged(): string | null {
    return this.context.damage;
  }

  /** Whether privacy is on; also while that is unknown because the ledger was not read to its end. */
  get privacyOn(): boolean {
    return this.context.state.privacyOn || !this.context.isReplayed;
  }

  /** The settings in force among those that owners may change. */
  get settings(): SettingsInForce {
    return this.context.settings;
  }

  get pins(): Pins | null {
    return this.context.state.pins;
  }

  owners(): Owner[] {
    return [...this.context.state.owners.values()];
  }

  /** Whether there may be former owners: one was removed, or the device was restored. */
  get hadOtherOwners(): boolean {
    const { formerS, restoredS } = this.context.state;
    return formerS.size + restoredS > 0;
  }

  /** Number of messages that were not accepted since the start, by code. */
  unbelievedCounts(): Partial<Record<ErrorCode, number>> {
    return this.context.unbelievedCounts();
  }

  /** Grants whose clips are still needed. At the start the outbox removes all other clips. */
  unfinishedGrants(): string[] {
    return [...this.context.state.requests.values()].flatMap(({ state }) => unfinishedGrant(state)?.id ?? []);
  }

  /** Grants whose clips can still be recalled. The outbox keeps only their recalls. */
  revocableGrants(): string[] {
    return [...this.context.state.requests.values()].flatMap(({ state }) => revocableGrant(state)?.id ?? []);
  }

  /** Grants whose clips may be sent, or are held by the bridge or a vault. The outbox keeps only their content keys. */
  heldGrants(): string[] {
    return [...new Set([...this.unfinishedGrants(), ...this.sentClips.heldGrants()])];
  }

  /** Open requests, and closed ones with an unfinished grant or revocation; at most as many as a state message can list. */
  openRequests(): { request: string; state: RequestState['at'] }[] {
    const busy = [...this.context.state.requests].filter(
      ([, { state }]) => state.at === 'revoking' || unfinishedGrant(state),
    );
    const ids = new Set([...this.context.answerable.ids(), ...busy.map(([request]) => request)]);
    return [...ids].slice(0, LISTED_MAX).map((request) => ({ request, state: this.runner.stateOf(request).at }));
  }

  /** Requests that await an owner's answer and may be answered now. */
  notices(): RequestNotice[] {
    return this.notifier.notices();
  }

  /** Open requests that an owner has answered. */
  answered(): PublishedRequest[] {
    return this.notifier.answered();
  }

  /** Requests that concern this home and that its owners cannot be asked about, and why. */
  unasked() {
    return this.context.area.unasked.list();
  }

  /** Searches whose pet may have been seen here, and that owners may answer now. */
  sightings(): SightingNotice[] {
    return this.notifier.sightings();
  }

  get searchPartyOn(): boolean {
    return this.context.searchPartyOn;
  }

  /** Who besides owners may see pictures on the device's own server. */
  viewers(): Viewer[] {
    return this.context.state.viewers.list();
  }

  /** The viewer of this id, unless expired. With an untrusted clock only viewers without an expiry are found. */
  viewer(id: string): Viewer | null {
    const nowS = this.clockTrusted ? wallSeconds(this.context.deps.clock) : null;
    return this.context.damage === null ? this.context.state.viewers.find(id, nowS) : null;
  }

  /** The last thousand views of pictures, newest first. */
  looks(): Look[] {
    return this.context.state.viewers.looks();
  }

  /**
   * Records that an owner (by key) or a viewer (by id) begins to look; await it before the first picture is shown.
   * Throws `look_log_full`, `consent_ledger_damaged`, `consent_storage_failed`: then nothing may be shown.
   */
  looked(by: string, what: ViewRight): Promise<void> {
    return this.context.queue.run(async () => {
      this.context.assertWhole();
      await this.runner.record({ type: 'looked', body: { by, what } });
    });
  }

  /**
   * Adds an owner's key, for the pairing server, which has verified possession of the key. Returns the device's statement; for a
   * paired key its existing one. Throws `owner_too_many`, `pairing_refused`, `consent_ledger_damaged`, `consent_storage_failed`.
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
   * decision. It is not an order, so `lastOrder` stays; turning privacy off takes an order.
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

  /** Handles part `part` of the document of requests of the home's cell. It is not an order, so a retained message is accepted, too. */
  onAreaDocument(part: number, token: string): Promise<ErrorCode | null> {
    return this.areaMessages.areaDocument(part, token);
  }

  /** The same for a part of the cell's searches for pets, if Search Party is on. */
  onSearchDocument(part: number, token: string): Promise<ErrorCode | null> {
    return this.areaMessages.searchDocument(part, token);
  }

  /** Handles the registry's revocation list. */
  onRevocations(token: string): Promise<ErrorCode | null> {
    return this.areaMessages.revocations(token);
  }

  /** Records a possible sighting of a searched pet and tells the home's owners. */
  async sighted(search: string, seen: Sighted): Promise<void> {
    if (this.context.running) await this.areaMessages.sighted(search, seen);
  }

  /**
   * Handles a message from the home link's consent and command topics, or from the console; resolves when it has been
   * processed. A message that is not authentic is counted, never answered; all others get a receipt. A revocation takes
   * effect before this returns, whatever else is running.
   */
  async onOwnerMessage(message: DeliveredMessage): Promise<void> {
    if (!this.context.running) return;
    const owners = [...this.context.state.owners.keys()];
    const { prefix, device } = this.context.deps;
    const order = openOwnerMessage(message, { prefix, device: device.id, owners });
    if (typeof order === 'string') return this.context.count(order);
    if (order.kind === 'revoke') {
      const { pendingRevokes } = this.runner;
      const isWaiting = pendingRevokes.get(order.claims.grant)?.token === order.token;
      if (isWaiting && this.context.queue.waiting >= this.context.limits.waitingMax) return;
      pendingRevokes.set(order.claims.grant, order);
      this.runner.endNamed(order);
    } else if (!this.context.hasRoom()) return;
    await this.context.queue.run(async () => {
      // A revocation list may wait because the disk had no room for its mark. Try again now: a grant need not wait for the next upkeep.
      if (order.kind === 'grant') await this.context.area.retryList();
      await this.ownerMessages.carryOut(order);
    });
    this.timer.arm();
  }

  /** Records that the clip is sealed on disk, and the facts disclosed with it. Throws `grant_dead`, `consent_storage_failed`. */
  clipSealed(...report: Parameters<ClipReportHandler['clipSealed']>): Promise<void> {
    return this.reported(() => this.reports.clipSealed(...report));
  }

  /** Await it before the upload token is shown to the bridge for the first time. Throws as `clipSealed`. */
  tokenPresented(grant: string): Promise<void> {
    return this.reported(() => this.reports.tokenPresented(grant));
  }

  /**
   * Records the bridge's signed receipt `intake` of the whole clip. Throws `token_*`, `verify_failed`, `grant_dead`,
   * `consent_storage_failed`.
   */
  delivered(grant: string, intake: string): Promise<void> {
    return this.reported(() => this.reports.delivered(grant, intake));
  }

  /** Records the bridge's signed answer to a revocation: parts deleted, or clip already handed over. Throws as `delivered`. */
  revocationAnswered(grant: string, intake: string): Promise<void> {
    return this.reported(() => this.reports.revocationAnswered(grant, intake));
  }

  /** Records that the clip cannot be made or will never be accepted. Throws `grant_dead`, `consent_storage_failed`. */
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
    this.notifier.resendReceipts();
    this.context.effects.changed();
  }

  private markFailed(thrown: unknown): void {
    this.context.deps.log.warn(
      'what guards against old times and documents could not be stored; it is tried again (check the disk)',
      { error: String(thrown) },
    );
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
      log.warn('footage that an owner ordered to delete could not be deleted yet; it is tried again (check the disk)', {
        code: thrown.code,
      });
    });
    await this.runner.sweep();
    this.previews.sweep();
    this.runner.resumeLive();
    this.notifier.sendNew();
  }

  /** Publishes the open requests and the latest grants' states again: an owner or the broker may have missed them. */
  async announce(): Promise<void> {
    if (this.context.running) await this.context.queue.run(async () => this.notifier.sendAll());
  }
}
