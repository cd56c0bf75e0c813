// Owns: the device's ear on the area broker: its cell's open requests and searches, the registry's revocations, handed over unjudged.
// It never publishes and has no will, and nothing the owner does reaches it: what a broker sees of it is the same for all.
import type { z } from 'zod';
import { assert } from '../base/assert.ts';
import { fromUtf8 } from '../base/bytes.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { type LinkState, MqttLink } from '../base/mqtt-link.ts';
import type { IncomingMessage, MqttSubscription } from '../base/mqtt-subscription.ts';
import { integerBelow, type Random } from '../base/random.ts';
import type { TlsSource } from '../base/tls.ts';
import { parseToken } from '../protocol/jws.ts';
import { linkFailure } from '../protocol/link-failure.ts';
import { areaDocumentSchema } from '../protocol/request.ts';
import { searchDocumentSchema } from '../protocol/search.ts';
import { PAYLOAD_BYTES_MAX, topicsUnder } from '../protocol/topics.ts';

export interface AreaLinkOptions {
  /** The one cell whose requests are read. */
  cell: string;
  /** Topic prefix of the area broker. */
  prefix: string;
  url: string;
  user: string;
  password: string;
  tls?: TlsSource | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}

/** What came: the text of one part of one of the cell's documents, or of the revocation list. Nothing in it is verified yet. */
export type AreaMessage =
  | { kind: 'requests' | 'searches'; part: number; token: string }
  | { kind: 'revocations'; token: string };

/** Parts that a link has begun to listen to, after which it lets go of none: a broker that says other numbers in turns makes no work. */
const PARTS_FOLLOWED_MAX = 200;

/**
 * A document is handed over so long after it came, drawn anew for each: acknowledged before that, in the same time whether the home
 * makes anything of it or not. Revocations are judged alike in every home, and at once.
 */
const HAND_OVER_MS_MIN = 100;
export const HAND_OVER_MS_MAX = 400;
/** Documents that wait to be handed over; of more the oldest are dropped: all of them are published again. */
const WAITING_MAX = 400;

/** A subscribe-only session. Every topic is subscribed to by its exact name, so that any broker delivers what it retains. */
export class AreaLink {
  private readonly options: AreaLinkOptions;
  private readonly topics: ReturnType<typeof topicsUnder>;
  private readonly link: MqttLink;
  private readonly listeners = new Set<(message: AreaMessage) => void>();
  private readonly waiting: AreaMessage[] = [];
  private timer: Timer | null = null;
  private started = false;

  constructor(options: AreaLinkOptions) {
    this.options = options;
    this.topics = topicsUnder(options.prefix);
    const { url, user, password, tls, clock, random, log } = options;
    this.link = new MqttLink({
      url,
      user,
      password,
      single: true,
      tls,
      payloadBytesMax: PAYLOAD_BYTES_MAX,
      unreachable: linkFailure('the area broker'),
      clock,
      random,
      log: log.child({ link: 'area' }),
    });
  }

  get state(): LinkState {
    return this.link.state;
  }

  /** Calls `listener` on every change of the link; returns what takes it off again. */
  onState(listener: (state: LinkState) => void): () => void {
    return this.link.onState(listener);
  }

  /** Calls `listener` with everything that comes, once it is acknowledged; returns what takes it off again. */
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
      if (token) this.tell({ kind: 'revocations', token });
    });
    // Searches are listened to by every home alike, so that nobody at the broker learns who takes part in Search Party.
    this.follow('requests', this.topics.areaRequests, areaDocumentSchema);
    this.follow('searches', this.topics.areaSearches, searchDocumentSchema);
    this.link.start();
  }

  async stop(): Promise<void> {
    await this.link.stop();
    this.timer?.cancel();
    this.timer = null;
    this.waiting.length = 0;
  }

  /**
   * Listens to all parts of a document. How many there are is only a hint where to listen; a lie costs at most the schema's
   * limit of subscriptions.
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
    const hear = (part: number, message: IncomingMessage) => {
      const token = textOf(message);
      if (!token) return;
      if (part === 1) followParts(token);
      this.tell({ kind, part, token });
    };
    const followParts = (token: string) => {
      const claims = schema.safeParse(parseToken(token)?.claims);
      if (!claims.success || claims.data.cell !== cell) return;
      const count = claims.data.parts - 1;
      if (followed < PARTS_FOLLOWED_MAX) for (const subscription of further.splice(count)) subscription.close();
      while (further.length < count) {
        followed += 1;
        const part = further.length + 2;
        further.push(this.link.subscribe([topicOf(cell, part)], (message) => hear(part, message)));
      }
    };
    this.link.subscribe([topicOf(cell, 1)], (message) => hear(1, message));
  }

  /** Puts a message behind those that wait. Nothing looks at it before the broker has its acknowledgement. */
  private tell(message: AreaMessage): void {
    if (message.kind === 'revocations') this.waiting.unshift(message);
    else this.waiting.push(message);
    if (this.waiting.length > WAITING_MAX) {
      this.waiting.splice(
        this.waiting.findIndex(({ kind }) => kind !== 'revocations'),
        1,
      );
      this.options.log.warn('an area document is dropped: too many wait');
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

/** The payload as text; null when it is empty (a retained message was cleared) or not UTF-8. */
function textOf(message: IncomingMessage): string | null {
  return fromUtf8(message.payload) || null;
}
