// The state that all parts of consent share: records on disk, open requests, the one queue for all changes, and refusal counts.
import type { Clock } from '@doorsill/base/clock';
import { TaskQueue } from '@doorsill/base/task-queue';
import { assert } from '@doorsill/contract/assert';
import { type ErrorCode, failure } from '@doorsill/contract/errors';
import { askKindOf } from '@doorsill/contract/ids';
import type { SettingsInForce } from '@doorsill/contract/owner-settings';
import type { Credential } from '@doorsill/contract/request';
import { type Ask, type OpenedAsk, sealingOf } from '@doorsill/contract/request-or-search';
import type { Sealing } from '@doorsill/contract/sealing';
import type { HighWaterMarks } from '../ledger/high-water-marks.ts';
import { Ledger, recordsFault } from '../ledger/ledger.ts';
import { AreaRequests } from './area-requests.ts';
import { GATE_LIMITS, type GateDeps, type GateEffects, type GateLimits } from './gate-interfaces.ts';
import { GateState } from './gate-state.ts';
import type { GrantGround } from './live-grant.ts';
import { NO_OWNER_SETTINGS, settingsInForce } from './owner-settings.ts';
import { PetSearches } from './pet-searches.ts';

export class ConsentContext {
  readonly deps: GateDeps;
  readonly limits: GateLimits;
  readonly queue = new TaskQueue();
  readonly ledger: Ledger;
  readonly marks: HighWaterMarks;
  readonly state: GateState;
  readonly area: AreaRequests;
  readonly searches: PetSearches;
  readonly answerable: AnswerableRequests;
  /** The fault of the ledger, which blocks every decision; null while it verifies. */
  damage: string | null = null;
  running = false;
  /** Whether the ledger was replayed to its end. */
  isReplayed = false;
  private opened: GateEffects | null = null;
  /** The fault of records that were altered; null for others. */
  private tampered: string | null = null;
  private readonly unbelieved = new Map<ErrorCode, number>();

  constructor(deps: GateDeps) {
    this.deps = deps;
    this.limits = { ...GATE_LIMITS, ...deps.limits };
    const { disk, clock, folder, device, boot } = deps;
    this.ledger = new Ledger({ disk, clock, folder, device, boot, bytesMax: this.limits.ledgerBytesMax });
    this.marks = deps.marks;
    this.state = new GateState(device.id);
    const values = () => this.settings.disclosure;
    this.area = new AreaRequests({ ...deps, values, changed: () => this.effects.changed() }, this.limits, this.marks);
    this.searches = new PetSearches(deps, values, this.marks);
    this.answerable = new AnswerableRequests(this.area, this.searches, clock);
  }

  /** The effects of decisions on the rest of the firmware. No decision is made before the records are opened. */
  get effects(): GateEffects {
    assert(this.opened !== null, 'a gate decides once it is open');
    return this.opened;
  }

  /** Replays the ledger, reads the marks, and runs `then`. Records that cannot be used are noted as `damage`, and logged. */
  async open(effects: GateEffects, then: () => Promise<void>): Promise<void> {
    this.opened = effects;
    try {
      await this.ledger.start((entry) => {
        const wrong = this.state.apply(entry);
        if (wrong !== null) throw failure('consent_ledger_damaged', { detail: `entry ${entry.sequence}: ${wrong}` });
      });
      this.isReplayed = true;
      await this.marks.start(this.state);
      await then();
    } catch (thrown) {
      const { detail, isTamper } = recordsFault(thrown);
      this.damage = detail;
      this.deps.log.error('the consent records cannot be used; nothing is granted, and no clip leaves the doorbell', {
        detail,
      });
      if (isTamper) this.tampered = detail;
    }
  }

  /** Reports altered records to owners; does nothing where they were not altered. */
  reportTampering(): void {
    if (this.tampered !== null) this.effects.tamper('ledger', this.tampered.slice(0, 300));
  }

  /** Whether Search Party is on: by the owners' last order, else by the settings; off while the ledger is damaged. */
  get searchPartyOn(): boolean {
    return this.damage === null && (this.state.searchParty ?? this.deps.searchParty ?? false);
  }

  /** The settings in force among those that owners may change; those of device.json while the ledger is damaged. */
  get settings(): SettingsInForce {
    return settingsInForce(this.deps.settings, this.damage === null ? this.state.settings : NO_OWNER_SETTINGS);
  }

  /** Throws `consent_ledger_damaged` unless the ledger verifies. */
  assertWhole(): void {
    if (this.damage !== null) throw failure('consent_ledger_damaged', { detail: this.damage });
  }

  /** Whether another message may be queued; if not, it is counted. */
  hasRoom(waitingMax = this.limits.waitingMax): boolean {
    if (this.running && this.queue.waiting < waitingMax) return true;
    this.count('consent_too_many');
    return false;
  }

  /** Counts a message that was not accepted. It never gets a ledger entry: a spammer must not wear out the flash card. */
  count(code: ErrorCode): void {
    this.unbelieved.set(code, (this.unbelieved.get(code) ?? 0) + 1);
  }

  /** Messages that were not accepted since the start, by code. */
  unbelievedCounts(): Partial<Record<ErrorCode, number>> {
    return Object.fromEntries(this.unbelieved);
  }
}

/** One view of all that owners may answer ("asks"): agencies' requests that concern this home, and searches with a sighting here. */
export class AnswerableRequests {
  private readonly area: AreaRequests;
  private readonly searches: PetSearches;
  private readonly clock: Clock;

  constructor(area: AreaRequests, searches: PetSearches, clock: Clock) {
    this.area = area;
    this.searches = searches;
    this.clock = clock;
  }

  /** An open ask that this home may answer. Its id tells its kind, and is looked up among that kind only. */
  find(id: string): OpenedAsk | null {
    if (askKindOf(id) === 'search') return this.searches.sighted(id)?.search ?? null;
    return this.area.request(id);
  }

  /** Ids of all open asks. */
  ids(): string[] {
    return [...this.area.requests().map(({ request }) => request.jti), ...this.searches.sightedIds()];
  }

  /** Whether the agency, the poster or the bridge ended the ask. Its kind is read from its claims: ids of contract 1 lack it. */
  isCancelled(ask: Ask): boolean {
    return 'agency' in ask ? this.area.isCancelled(ask.jti) : this.searches.hasEnded(ask.jti);
  }

  /** Why a published ask is not open; null when its id is unknown. */
  whyNotOpen(id: string): ErrorCode | null {
    if (askKindOf(id) !== 'search') return this.area.whyNotOpen(id);
    return this.searches.hasEnded(id) ? 'consent_request_cancelled' : null;
  }

  /** Why an open ask's sender may not be answered now; null when they may. A neighbour has no credential that could be revoked. */
  standingOf(ask: OpenedAsk): ErrorCode | null {
    return 'credential' in ask ? this.area.standingOf(ask) : null;
  }

  /** The newest credential of the ask's agency; null for a neighbour, who has none. */
  credentialTokenOf(ask: OpenedAsk): string | null {
    return 'credential' in ask ? this.area.newestCredential(ask).token : null;
  }

  /** How a clip for the ask's sender is encrypted now, by the newest credential of an agency; null: not at all. */
  sealingOf(ask: OpenedAsk): Sealing | null {
    return sealingOf('credential' in ask ? { ...ask, ...this.area.newestCredential(ask) } : ask);
  }

  /** The condition for footage to leave under a grant: for an agency a current revocation list; for a neighbour none. */
  groundOf(ask: Ask): GrantGround {
    return 'agency' in ask ? this.area : { clock: this.clock, held: () => null };
  }

  /** Whether the list in force revokes a credential for this home. */
  isRevoked(credential: Credential): boolean {
    const list = this.area.revocations;
    return list !== null && this.area.isRevoked(list, credential);
  }
}
