// Checks a home's answers during a run: each receipt and notice against what the broker had delivered, and against what the ledger
// contained durably.

import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { askKindOf } from '@doorsill/contract/ids';
import { parseToken } from '@doorsill/contract/jws';
import { parseJson } from '@doorsill/contract/parse-json';
import { DEFAULT_PREFIX } from '@doorsill/contract/topics';
import type { CarriedPiece } from './memory-network.ts';
import { type MqttMessage, messagesIn, subscribesTo } from './mqtt-packets.ts';
import type { SimulatedHome } from './simulated-home.ts';
import type { SignedOrder } from './simulated-owner.ts';

/** A doorbell has processed a revocation list this long after its delivery, if its clock is wrong by less than the second value. */
const LIST_TAKEN_US = 1_000_000;
const CLOCK_WRONG_US_MAX = 120_000_000;
/** In every topic of orders. */
const ORDERS = '/consent/';
/** Outcomes of a decision. */
const DECIDED = new Set(['granted', 'denied', 'revoked']);

/** The newest revocation list that a home got in one boot. */
interface GivenList {
  readonly revision: number;
  /** The last revision of each agency's credential that it ends: one may be approved again with other facts. */
  readonly agencies: ReadonlyMap<string, number>;
  readonly atUs: number;
  readonly boot: number;
}

/** What one home got. Times are simulated, in microseconds since the start, except `wallUs`. */
interface Received {
  /** Connections over which it has asked for orders. It reads none over that to the area broker. */
  readonly orderConnections: Set<number>;
  /** When each order was first delivered without the RETAIN flag. */
  readonly deliveredUs: Map<string, number>;
  /** When the running doorbell got the revocation of a grant, in wall time. */
  readonly revoked: Map<string, { readonly wallUs: number; readonly boot: number; readonly jti: string }>;
  /** The newest revision of each agency's credential. */
  readonly credentials: Map<string, number>;
  /** Orders that it has answered. */
  readonly answered: Set<string>;
  list: GivenList | null;
}

/** The observed part of a home. */
export type OrderedHome = Pick<
  SimulatedHome,
  'boots' | 'clockBehindSinceUs' | 'device' | 'isReady' | 'ledgerFolder' | 'orders' | 'ownersClock'
> & {
  readonly plan: Pick<SimulatedHome['plan'], 'name'>;
  readonly clock: Pick<SimulatedHome['clock'], 'wallUs'>;
  readonly disk: Pick<SimulatedHome['disk'], 'durablyHolds'>;
};

export class OrderWatch {
  private readonly breach: (rule: string, what: string) => void;
  private readonly passedUs: () => number;
  private readonly received = new Map<OrderedHome, Received>();

  constructor(breach: (rule: string, what: string) => void, passedUs: () => number) {
    this.breach = breach;
    this.passedUs = passedUs;
  }

  /** When a home got the revocation of a grant, in wall time; null if it did not, or if a restart may have lost it before its answer. */
  revokedUs(home: OrderedHome, grant: string): number | null {
    const { revoked, answered } = this.of(home);
    const given = revoked.get(grant);
    if (!given) return null;
    return given.boot === home.boots || answered.has(given.jti) ? given.wallUs : null;
  }

  /** The broker delivers to a home. */
  delivered(home: OrderedHome, { bytes, sentUs, connection }: CarriedPiece): void {
    const { orderConnections } = this.of(home);
    for (const message of messagesIn(bytes)) {
      if (message.topic.includes(ORDERS)) {
        if (orderConnections.has(connection)) this.order(home, message, sentUs);
      } else if (message.topic.endsWith('/area/revocations')) this.list(home, message);
      else if (message.topic.includes('/area/')) this.credentials(home, message);
    }
  }

  /** A home publishes. */
  published(home: OrderedHome, { bytes, connection }: CarriedPiece): void {
    if (subscribesTo(ORDERS, bytes)) this.of(home).orderConnections.add(connection);
    const own = `${DEFAULT_PREFIX}/home/${home.device.id}/`;
    for (const { topic, payload } of messagesIn(bytes)) {
      if (!topic.startsWith(own)) this.breach('5', `${home.plan.name} publishes on ${topic}`);
      else if (topic === `${own}request`) this.notice(home, payload);
      else if (topic === `${own}receipt`) this.receipt(home, payload);
    }
  }

  private of(home: OrderedHome): Received {
    const received = this.received.get(home) ?? {
      orderConnections: new Set(),
      deliveredUs: new Map(),
      revoked: new Map(),
      credentials: new Map(),
      answered: new Set(),
      list: null,
    };
    this.received.set(home, received);
    return received;
  }

  private order(home: OrderedHome, { payload, retained }: MqttMessage, sentUs: number): void {
    const token = Buffer.from(payload).toString('latin1');
    const order = home.orders.find((one) => one.token === token);
    if (!order || retained) return;
    const { deliveredUs, revoked } = this.of(home);
    if (!deliveredUs.has(order.jti)) deliveredUs.set(order.jti, this.passedUs());
    if (order.kind !== 'revoke' || order.grant === undefined || !home.isReady) return;
    if (this.revokedUs(home, order.grant) !== null) return;
    const wallUs = Math.max(sentUs, home.ownersClock.wallUs());
    revoked.set(order.grant, { wallUs, boot: home.boots, jti: order.jti });
  }

  private list(home: OrderedHome, { payload }: MqttMessage): void {
    const wrongUs = Math.abs(home.clock.wallUs() - home.ownersClock.wallUs());
    if (!home.isReady || wrongUs > CLOCK_WRONG_US_MAX) return;
    const claims = asRecord(parseToken(Buffer.from(payload).toString('latin1'))?.claims);
    const revision = Number(claims['revision']);
    const received = this.of(home);
    const isKnown = received.list !== null && received.list.boot === home.boots && received.list.revision >= revision;
    if (isKnown || !Array.isArray(claims['revoked'])) return;
    const agencies = new Map<string, number>();
    for (const entry of claims['revoked']) {
      const { agency, upToRevision } = asRecord(entry);
      agencies.set(String(agency), Math.max(Number(upToRevision), agencies.get(String(agency)) ?? 0));
    }
    received.list = { revision, agencies, atUs: this.passedUs(), boot: home.boots };
  }

  private credentials(home: OrderedHome, { payload }: MqttMessage): void {
    const { requests } = asRecord(parseToken(Buffer.from(payload).toString('latin1'))?.claims);
    const { credentials } = this.of(home);
    for (const published of Array.isArray(requests) ? requests : []) {
      const { agency, revision } = asRecord(parseToken(String(asRecord(published)['credential']))?.claims);
      credentials.set(String(agency), Math.max(Number(revision), credentials.get(String(agency)) ?? 0));
    }
  }

  /** 4: an id of one kind is never of another. */
  private notice(home: OrderedHome, payload: Uint8Array): void {
    const published = asRecord(asRecord(parseJson(fromUtf8(payload) ?? ''))['published']);
    const id = String(asRecord(parseToken(String(published['request']))?.claims)['jti']);
    if (askKindOf(id) !== 'request')
      this.breach('4', `${home.plan.name} shows its owner ${id}, which is not a request's id`);
  }

  private receipt(home: OrderedHome, payload: Uint8Array): void {
    const { answers, outcome, grant, code } = asRecord(parseToken(fromUtf8(payload) ?? '')?.claims);
    const order = home.orders.find(({ jti }) => jti === answers);
    if (!order) return;
    const { name } = home.plan;
    const received = this.of(home);
    const deliveredUs = received.deliveredUs.get(order.jti);
    if (deliveredUs === undefined) {
      this.breach('4', `${name} answers ${order.jti}, which was delivered only as a message that was kept`);
      return;
    }
    // A revocation that could not be stored may be lost in a restart, and its owner knows.
    if (outcome !== 'refused' || code === 'consent_revocation_unrecorded') received.answered.add(order.jti);
    if (!DECIDED.has(String(outcome))) return;
    // A denial is final, so a second one is harmless.
    if (order.mistake !== undefined && outcome !== 'denied')
      this.breach('4', `${name} answers ${outcome} to ${order.mistake}`);
    const entry = outcome === 'denied' ? `"type":"denied","body":{"request":"${order.request}"` : order.jti;
    if (!home.disk.durablyHolds(home.ledgerFolder, utf8(entry)))
      this.breach('6', `${name} answers ${outcome} before its ledger durably contains ${order.jti}`);
    if (outcome === 'granted' && grant === order.jti) this.granted(home, order, deliveredUs);
  }

  /** Checks the answer to a grant delivered at `deliveredUs`, before which it cannot have been decided. */
  private granted(home: OrderedHome, { jti, agency }: SignedOrder, deliveredUs: number): void {
    const behindSinceUs = home.clockBehindSinceUs;
    if (behindSinceUs !== null && deliveredUs > behindSinceUs)
      this.breach('a clock set back grants nothing', `${home.plan.name} accepted ${jti} after its clock was set back`);
    const { list, credentials } = this.of(home);
    if (list?.boot !== home.boots || deliveredUs < list.atUs + LIST_TAKEN_US) return;
    if ((list.agencies.get(agency ?? '') ?? 0) >= (credentials.get(agency ?? '') ?? 1))
      this.breach('4', `${home.plan.name} accepted ${jti} for an agency whose end it had received`);
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
