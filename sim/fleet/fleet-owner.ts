// One owner of a fleet: paired with one doorbell, hears its requests, answers as drawn, repeats unanswered orders, and may revoke.
import type { Timer } from '@doorsill/base/clock';
import { generateSigningKey } from '@doorsill/base/keys';
import { assert } from '@doorsill/contract/assert';
import type { Receipt } from '@doorsill/contract/home-messages';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import type { Window } from '@doorsill/contract/shared-claims';
import { OwnerSession, type OwnerSessionDeps } from '@doorsill/device/owner/owner-session';
import type { PairedDevice } from '@doorsill/device/owner/paired-devices';
import { pairWithDevice } from '@doorsill/device/owner/pairing-client';
import { makeDenial, makeGrant, makeRevoke, type Signer } from '@doorsill/device/owner/sign-owner-messages';
import { askForState } from '@doorsill/device/terminal/owner-requests';
import { isFailure } from '../errors.ts';
import type { DrawnOwner } from './draw-fleet.ts';

/** An owner shares the newest footage, of this length. */
const SHARED_US = 4_000_000;
/** An order without an answer is sent again: the doorbell or the broker may be away for long. */
const AGAIN_MS = 15_000;
const SENDS_MAX = 80;
/** Requests that are remembered; a doorbell has fewer open ones. */
const REQUESTS_MAX = 256;

/** How often each thing happened to an owner. */
export interface OwnerCounts {
  /** Requests that were verified. */
  seen: number;
  ignored: number;
  /** The doorbell has no footage of the requested window, or no longer has it. */
  withoutFootage: number;
  /**
   * By the doorbell's signed receipts. `sent`: the bridge has the whole clip; `erased`: and has erased it; `recalled`: its vault decides.
   */
  granted: number;
  denied: number;
  sent: number;
  failed: number;
  revoked: number;
  erased: number;
  recalled: number;
  refused: number;
  /** No receipt came, although the order was sent SENDS_MAX times. */
  unanswered: number;
}

/** Something that an owner did or received, reported once. */
export interface OwnerMoment {
  what: keyof OwnerCounts;
  request: string;
  /** Since the owner first sent the order that is answered; 0 without an order. */
  afterMs: number;
  /** Why, for `refused` and `failed`: a code of the table of errors. */
  code?: string;
}

/** A signed order, which is sent until a receipt answers it. */
interface Order {
  kind: 'grant' | 'deny' | 'revoke';
  request: string;
  jti: string;
  token: string;
  sinceMs: number;
  isAnswered: boolean;
}

/** A request that an owner has seen. */
interface SeenRequest {
  notice: VerifiedNotice;
  orders: Order[];
  /** Already reported, because receipts are repeated. */
  reported: Set<OwnerMoment['what']>;
}

/** A planned call; its timer runs between start and stop. */
interface PlannedStep {
  dueMs: number;
  call: () => void;
  timer: Timer | null;
}

const OF_RECEIPTS: Partial<Record<Receipt['outcome'], OwnerMoment['what']>> = {
  ...({ granted: 'granted', denied: 'denied', sent: 'sent', failed: 'failed' } as const),
  ...({ revoked: 'revoked', deleted: 'erased', recalled: 'recalled' } as const),
};

export class FleetOwner {
  readonly counts: OwnerCounts = {
    seen: 0,
    ignored: 0,
    withoutFootage: 0,
    granted: 0,
    denied: 0,
    sent: 0,
    failed: 0,
    revoked: 0,
    erased: 0,
    recalled: 0,
    refused: 0,
    unanswered: 0,
  };
  private readonly drawn: DrawnOwner;
  private readonly deps: OwnerSessionDeps;
  private readonly onMoment: (moment: OwnerMoment) => void;
  private readonly signer: Signer;
  private readonly requests = new Map<string, SeenRequest>();
  private readonly steps = new Set<PlannedStep>();
  private paired: PairedDevice | null = null;
  private session: OwnerSession | null = null;
  /** Of sessions that have ended. */
  private unbelievedBefore = 0;

  /** `deps.random` makes its key, so it must not be a seeded one. `onMoment` is called after each moment is counted. */
  constructor(drawn: DrawnOwner, deps: OwnerSessionDeps, onMoment: (moment: OwnerMoment) => void = () => undefined) {
    this.drawn = drawn;
    this.deps = deps;
    this.onMoment = onMoment;
    this.signer = { key: generateSigningKey(deps.random), clock: deps.clock, random: deps.random };
  }

  /** Its doorbell, once they are paired. */
  get home(): PairedDevice | null {
    return this.paired;
  }

  get publicKey(): string {
    return this.signer.key.publicKey;
  }

  /** Messages that did not verify. */
  get unbelieved(): number {
    return this.unbelievedBefore + (this.session?.unbelievedCount ?? 0);
  }

  /** Pairs with the doorbell at a socket; `own`: an account, where the doorbell issues none. Throws as `pairWithDevice`. */
  async pair(socketPath: string, own?: { user: string; password: string }): Promise<PairedDevice> {
    const { clock, network } = this.deps;
    const seams = network ? { clock, network } : { clock };
    this.paired = await pairWithDevice(seams, socketPath, this.signer.key, 'owner', own);
    return this.paired;
  }

  /**
   * Listens and answers from now on, unless it is drawn as offline; it must be paired. After `stop` it continues where it was. Throws
   * `unreachable` and `tls_*` of the home broker; it may be started again then.
   */
  async start(): Promise<void> {
    const { paired, drawn, deps, signer } = this;
    assert(paired !== null, 'an owner is paired before it listens');
    if (drawn.isOffline || this.session) return;
    const session = new OwnerSession(paired, deps);
    this.session = session;
    session.listen({
      // Asking makes the doorbell repeat what it published meanwhile.
      returned: () => askForState(session, signer),
      notice: (notice) => this.noticed(notice),
      receipt: (receipt) => this.answeredBy(receipt),
    });
    try {
      await session.start();
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
    askForState(session, signer);
    for (const step of [...this.steps]) this.schedule(step);
  }

  /** Ends its session; planned steps wait for the next start. */
  async stop(): Promise<void> {
    const { session } = this;
    this.session = null;
    for (const { timer } of this.steps) timer?.cancel();
    await session?.stop();
    this.unbelievedBefore += session?.unbelievedCount ?? 0;
  }

  private noticed(notice: VerifiedNotice): void {
    const request = notice.request.jti;
    const known = this.requests.get(request);
    if (known) {
      known.notice = notice;
      return;
    }
    const seen: SeenRequest = { notice, orders: [], reported: new Set() };
    this.requests.set(request, seen);
    this.forgetOldest();
    this.report(seen, { what: 'seen', request, afterMs: 0 });
    if (this.drawn.answer === 'ignore') this.report(seen, { what: 'ignored', request, afterMs: 0 });
    else this.later(this.drawn.delayMs, () => this.answer(seen));
  }

  private answer(seen: SeenRequest): void {
    const { signer, drawn } = this;
    const { notice } = seen;
    if (drawn.answer === 'decline') {
      this.order(seen, 'deny', makeDenial(signer, notice));
      return;
    }
    const window = newestOf(notice.coverage);
    if (!window) {
      this.report(seen, { what: 'withoutFootage', request: notice.request.jti, afterMs: 0 });
      return;
    }
    const known = notice.askedKeys.filter((key) => notice.wouldDisclose[key] !== undefined);
    const disclose = drawn.disclose.filter((key) => known.includes(key));
    this.order(seen, 'grant', makeGrant(signer, notice, { window, disclose }));
  }

  private order(seen: SeenRequest, kind: Order['kind'], { jti, token }: { jti: string; token: string }): void {
    const request = seen.notice.request.jti;
    const order: Order = { kind, request, jti, token, sinceMs: this.deps.clock.monotonicMs(), isAnswered: false };
    seen.orders.push(order);
    this.send(order, SENDS_MAX);
  }

  /** Sends an order, and again until a receipt answers it. */
  private send(order: Order, times: number): void {
    const { session } = this;
    if (order.isAnswered || !session) return;
    if (times === 0) {
      const seen = this.requests.get(order.request);
      if (seen) this.report(seen, { what: 'unanswered', request: order.request, afterMs: this.since(order) });
      return;
    }
    // If the broker is away, this one is lost and a later one is not.
    session.answer(order.request, order.kind, order.token).catch((thrown: unknown) => {
      if (!isFailure(thrown)) throw thrown;
    });
    this.later(AGAIN_MS, () => this.send(order, times - 1));
  }

  private answeredBy(receipt: Receipt): void {
    const seen = receipt.request === undefined ? undefined : this.requests.get(receipt.request);
    const order = seen?.orders.find(({ jti }) => jti === receipt.answers || jti === receipt.grant);
    if (!seen || !order) return;
    const isAnswer = receipt.answers === order.jti;
    order.isAnswered ||= isAnswer || receipt.answers === undefined;
    const what = receipt.outcome === 'refused' ? this.refusal(receipt, isAnswer) : OF_RECEIPTS[receipt.outcome];
    if (what === undefined || seen.reported.has(what)) return;
    const { code } = receipt;
    // The time until a revoked clip is erased or recalled is counted from the revocation.
    const since = (what === 'erased' || what === 'recalled') && seen.orders.find(({ kind }) => kind === 'revoke');
    const moment = { what, request: order.request, afterMs: this.since(since || order) };
    this.report(seen, code === undefined ? moment : { ...moment, code });
    if (what === 'granted' && this.drawn.revokes) this.revokeLater(seen, order, receipt);
  }

  /** A refusal because the footage is gone by now is nobody's fault. */
  private refusal({ code }: Receipt, isAnswer: boolean): OwnerMoment['what'] | undefined {
    if (!isAnswer) return undefined;
    return code === 'consent_window_no_footage' ? 'withoutFootage' : 'refused';
  }

  private revokeLater(seen: SeenRequest, { request, jti: grant }: Order, { grantSha256 }: Receipt): void {
    const { signer, paired } = this;
    if (grantSha256 === undefined || !paired) return;
    this.later(this.drawn.revokesAfterMs, () =>
      this.order(seen, 'revoke', makeRevoke(signer, paired.device, { request, grant, grantSha256 })),
    );
  }

  private report(seen: SeenRequest, moment: OwnerMoment): void {
    seen.reported.add(moment.what);
    this.counts[moment.what] += 1;
    this.onMoment(moment);
  }

  private since({ sinceMs }: Order): number {
    return this.deps.clock.monotonicMs() - sinceMs;
  }

  private later(delayMs: number, call: () => void): void {
    const step: PlannedStep = { dueMs: this.deps.clock.monotonicMs() + delayMs, call, timer: null };
    this.steps.add(step);
    this.schedule(step);
  }

  private schedule(step: PlannedStep): void {
    const { clock } = this.deps;
    step.timer = clock.after(Math.max(0, step.dueMs - clock.monotonicMs()), () => {
      this.steps.delete(step);
      step.call();
    });
  }

  private forgetOldest(): void {
    for (const oldest of this.requests.keys()) {
      if (this.requests.size <= REQUESTS_MAX) return;
      this.requests.delete(oldest);
    }
  }
}

/** The last SHARED_US of the newest footage; null where there is none. */
function newestOf(coverage: readonly Window[]): Window | null {
  const span = coverage.at(-1);
  if (!span) return null;
  return { startUs: Math.max(span.startUs, span.endUs - SHARED_US), endUs: span.endUs };
}
