// The device's subscriptions on the area broker; messages are passed on unverified. The link never publishes, has no will, and does
// not depend on the owner's actions: the broker sees the same of every home.
import type { Clock, Timer } from '@doorsill/base/clock';
import { linkFailure } from '@doorsill/base/link-failure';
import type { Log } from '@doorsill/base/log';
import { type IncomingMessage, type LinkState, MqttLink, type MqttSubscription } from '@doorsill/base/mqtt-link';
import type { Network } from '@doorsill/base/network';
import { integerBelow, type Random } from '@doorsill/base/random';
import type { TlsSource } from '@doorsill/base/tls';
import { assert } from '@doorsill/contract/assert';
import { fromUtf8 } from '@doorsill/contract/bytes';
import { parseToken } from '@doorsill/contract/jws';
import { AreaDocument } from '@doorsill/contract/request';
import { SearchDocument } from '@doorsill/contract/search';
import { PAYLOAD_BYTES_MAX, topicsUnder } from '@doorsill/contract/topics';
import type { z } from 'zod';

export interface AreaLinkOptions {
  /** The only cell whose requests are read. */
  cell: string;
  /** Topic prefix of the area broker. */
  prefix: string;
  url: string;
  user: string;
  password: string;
  tls?: TlsSource | undefined;
  /** Absent: the machine's network. */
  network?: Network | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}

/** A received message, not verified yet: a part of one of the cell's documents, or the revocation list. */
export type AreaMessage =
  | { kind: 'requests' | 'searches'; part: number; token: string }
  | { kind: 'revocations'; token: string };

/** After this many subscriptions a link keeps all of them, so that a broker that alternates the number of parts causes no work. */
const PARTS_FOLLOWED_MAX = 200;

/**
 * Random delay before a document is passed on, after it was acknowledged: so the broker cannot tell from the timing whether the home
 * uses it. Revocations, which every home handles alike, are passed on at once.
 */
const HAND_OVER_MS_MIN = 100;
export const HAND_OVER_MS_MAX = 400;
/** Interval of checking whether the clock was set ahead, and the smallest step that counts. */
const SET_CHECK_MS = 2_000;
const SET_US_MIN = 1_000_000;
/** Maximum number of waiting messages; beyond it the oldest documents are dropped, because all are published again. */
const WAITING_MAX = 400;

/** A subscribe-only session. Topics are subscribed by exact name, because some brokers deliver retained messages only to those. */
export class AreaLink {
  private readonly options: AreaLinkOptions;
  private readonly topics: ReturnType<typeof topicsUnder>;
  private readonly link: MqttLink;
  private readonly listeners = new Set<(message: AreaMessage) => void>();
  private readonly waiting: AreaMessage[] = [];
  private timer: Timer | null = null;
  /** By topic: messages that wait until the clock is set. */
  private readonly early = new Map<string, AreaMessage>();
  private setTimer: Timer | null = null;
  private started = false;
  private stopped = false;

  constructor(options: AreaLinkOptions) {
    this.options = options;
    this.topics = topicsUnder(options.prefix);
    this.link = new MqttLink({
      ...options,
      single: true,
      payloadBytesMax: PAYLOAD_BYTES_MAX,
      unreachable: linkFailure('the area broker'),
      log: options.log.child({ link: 'area' }),
    });
  }

  get state(): LinkState {
    return this.link.state;
  }

  /** Calls `listener` on every change of the link; returns a function that removes it. */
  onState(listener: (state: LinkState) => void): () => void {
    return this.link.onState(listener);
  }

  /** Calls `listener` with every message, after acknowledging it; returns a function that removes it. */
  onMessage(listener: (message: AreaMessage) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Connects and keeps trying. Add listeners before. */
  start(): void {
    assert(!this.started, 'an area link is started once');
    this.started = true;
    this.link.subscribe([this.topics.revocations], (message) => {
      const token = textOf(message);
      if (token) this.enqueue({ kind: 'revocations', token });
    });
    // Every home subscribes to searches, so that the broker cannot learn who takes part in Search Party.
    this.follow('requests', this.topics.areaRequests, AreaDocument);
    this.follow('searches', this.topics.areaSearches, SearchDocument);
    this.link.start();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.link.stop();
    this.timer?.cancel();
    this.timer = null;
    this.waiting.length = 0;
    this.setTimer?.cancel();
    this.setTimer = null;
    this.early.clear();
  }

  /**
   * Passes a message on again once the clock was set ahead, unless a newer one has arrived on its topic. The bridge publishes the
   * next copy only after ten minutes.
   */
  keepUntilSet(message: AreaMessage): void {
    if (this.stopped) return;
    this.early.set(keyOf(message), message);
    if (this.setTimer === null) this.checkWhetherSet(this.wallAheadUs());
  }

  private checkWhetherSet(aheadUs: number): void {
    this.setTimer = this.options.clock.after(SET_CHECK_MS, () => {
      this.setTimer = null;
      if (this.early.size === 0) return;
      if (this.wallAheadUs() - aheadUs < SET_US_MIN) return this.checkWhetherSet(aheadUs);
      const kept = [...this.early.values()];
      this.early.clear();
      for (const message of kept) this.enqueue(message);
    });
  }

  private wallAheadUs(): number {
    const { clock } = this.options;
    return clock.wallUs() - clock.monotonicMs() * 1_000;
  }

  /**
   * Subscribes to all parts of a document. Their number is an unverified hint; a false one costs at most as many subscriptions as
   * the schema allows.
   */
  private follow(
    kind: 'requests' | 'searches',
    topicOf: (cell: string, part: number) => string,
    schema: z.ZodType<{ cell: string; parts: number }>,
  ): void {
    const { cell } = this.options;
    /** Subscriptions to parts 2 and up, in order. */
    const further: MqttSubscription[] = [];
    let followed = 0;
    const receive = (part: number, message: IncomingMessage) => {
      const token = textOf(message);
      if (!token) return;
      if (part === 1) followParts(token);
      this.enqueue({ kind, part, token });
    };
    const followParts = (token: string) => {
      const claims = schema.safeParse(parseToken(token)?.claims);
      if (!claims.success || claims.data.cell !== cell) return;
      const count = claims.data.parts - 1;
      if (followed < PARTS_FOLLOWED_MAX) for (const subscription of further.splice(count)) subscription.close();
      while (further.length < count) {
        followed += 1;
        const part = further.length + 2;
        further.push(this.link.subscribe([topicOf(cell, part)], (message) => receive(part, message)));
      }
    };
    this.link.subscribe([topicOf(cell, 1)], (message) => receive(1, message));
  }

  /** Queues a message; it is read only after it was acknowledged to the broker. */
  private enqueue(message: AreaMessage): void {
    this.early.delete(keyOf(message));
    if (message.kind === 'revocations') this.waiting.unshift(message);
    else this.waiting.push(message);
    if (this.waiting.length > WAITING_MAX) {
      this.waiting.splice(
        this.waiting.findIndex(({ kind }) => kind !== 'revocations'),
        1,
      );
      this.options.log.warn(
        'too many area documents wait, so one is dropped; the bridge publishes it again within minutes',
      );
    }
    if (message.kind === 'revocations') this.arm(0);
    else if (this.timer === null) this.arm(this.pauseMs());
  }

  private pauseMs(): number {
    const { random } = this.options;
    return HAND_OVER_MS_MIN + integerBelow(random, HAND_OVER_MS_MAX - HAND_OVER_MS_MIN);
  }

  private arm(delayMs: number): void {
    this.timer?.cancel();
    this.timer = this.options.clock.after(delayMs, () => {
      this.timer = null;
      const message = this.waiting.shift();
      if (this.waiting.length > 0) this.arm(this.waiting[0]?.kind === 'revocations' ? 0 : this.pauseMs());
      if (message) for (const listener of [...this.listeners]) listener(message);
    });
  }
}

const keyOf = (message: AreaMessage) =>
  message.kind === 'revocations' ? message.kind : `${message.kind}/${message.part}`;

/** The payload as text; null when it is empty (a retained message was cleared) or not UTF-8. */
function textOf(message: IncomingMessage): string | null {
  return fromUtf8(message.payload) || null;
}
