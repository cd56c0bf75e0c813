// Owns: the one way from an owner's signed word to footage leaving: it orders verification, ledger, live grant and effects,
// and is the sole maker of a LiveGrant. Everything that changes state runs through one queue.
// Not here: the checks (verify-*.ts, area-view.ts), a request's states (machine.ts), commands.ts, clips and links.
import { assert } from '../base/assert.ts';
import { type Timer, wallSeconds } from '../base/clock.ts';
import { sha256Hex, verifySignature } from '../base/keys.ts';
import { type ErrorCode, type Failure, failure, isFailure, TOKEN_FAULT_CODES } from '../protocol/errors.ts';
import type { ReceiptBody, RequestNotice } from '../protocol/home.ts';
import { openToken } from '../protocol/jws.ts';
import { type IntakeReceipt, intakeReceiptSchema } from '../protocol/manifest.ts';
import { revokedBy } from '../protocol/published.ts';
import { AreaDesk, type AreaMessage } from './area-desk.ts';
import { CommandDesk, ownerFault, pairingStatement } from './commands.ts';
import { GATE_LIMITS, type GateDeps, type GateLimits } from './gate-effects.ts';
import { GateState, type Owner, type Pins, type RequestRecord } from './gate-state.ts';
import { Ledger, type LedgerHead } from './ledger.ts';
import type { ClipFacts, EndReason, LedgerBody } from './ledger-entry.ts';
import { type LiveGrant, mintLiveGrant } from './live-grant.ts';
import { next, type RequestEffect, type RequestInput, type RequestState, type Step, unfinishedGrant } from './machine.ts';
import { HighWaterMarks } from './marks.ts';
import { SerialQueue } from './serial-queue.ts';
import { denialFault, grantFault, openOwnerMessage, type OwnerMessage, type OwnerOrder } from './verify-owner.ts';

/** Grants are swept, marks advanced and unfinished work tried again at least this often. */
const TICK_MS_MAX = 30_000;

type Order<Kind extends OwnerOrder['kind']> = Extract<OwnerOrder, { kind: Kind }>;

/** What one step of the machine is carried out with. */
interface Occasion {
  request: string;
  /** What is recorded, where the step records something. */
  body: LedgerBody;
  /** The owner's message that is answered, where there is one. */
  answers?: string;
  clip?: ClipFacts;
  intake?: string;
}

interface LiveEntry {
  live: LiveGrant;
  end: (detail: string) => void;
  /** Monotonic time of expiry: a wall clock set back must not prolong a grant. */
  deadlineMs: number;
}

export class ConsentGate {
  private readonly deps: GateDeps;
  private readonly limits: GateLimits;
  private readonly queue = new SerialQueue();
  private readonly ledger: Ledger;
  private readonly marks: HighWaterMarks;
  private readonly state: GateState;
  private readonly area: AreaDesk;
  private readonly desk: CommandDesk;
  private readonly live = new Map<string, LiveEntry>();
  /** Grants ended in this boot, whether or not that is in the ledger yet: they are never made live again. */
  private readonly ended = new Set<string>();
  /** Revocations that are verified and not yet in the ledger, by grant. */
  private readonly takenBack = new Map<string, Order<'revoke'>>();
  private readonly unbelieved = new Map<ErrorCode, number>();
  private damage: string | null = null;
  private timer: Timer | null = null;
  private running = false;

  constructor(deps: GateDeps) {
    this.deps = deps;
    this.limits = { ...GATE_LIMITS, ...deps.limits };
    const { disk, clock, folder, device, boot } = deps;
    this.ledger = new Ledger({ disk, clock, folder, device, boot, bytesMax: this.limits.ledgerBytesMax });
    this.marks = new HighWaterMarks(disk, clock, folder);
    this.state = new GateState(device.id);
    this.area = new AreaDesk(deps, this.limits, this.marks);
    this.desk = new CommandDesk({
      device,
      clock,
      state: this.state,
      marks: this.marks,
      effects: deps.effects,
      ownersMax: this.limits.ownersMax,
      record: (body) => this.record(body),
      announce: () => this.notices().forEach((notice) => void deps.effects.requestNotice(notice)),
    });
  }

  /**
   * Folds the ledger and takes up what was unfinished. A ledger or marks file that does not verify does not stop the
   * device: it records and rings, and every decision is refused with `consent_ledger_damaged`.
   */
  async start(): Promise<void> {
    try {
      await this.ledger.start((entry) => {
        const wrong = this.state.apply(entry);
        if (wrong !== null) throw failure('consent_ledger_damaged', { detail: `entry ${entry.sequence}: ${wrong}` });
      });
      await this.marks.start(this.state.wallFloorUs);
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      this.damage = String(thrown.facts['detail'] ?? thrown.message);
      this.deps.log.error('the consent records are damaged, nothing will be granted', { detail: this.damage });
      this.deps.effects.tamper('ledger', this.damage.slice(0, 300));
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
    for (const { end } of this.live.values()) end('the device stops');
    this.live.clear();
    await this.queue.idle();
    await this.ledger.stop();
  }
