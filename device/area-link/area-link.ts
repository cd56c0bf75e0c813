// Owns: the device's ear on the area broker: its cell's open requests and the registry's revocations, handed over unjudged.
// It never publishes and has no will, and nothing the owner does reaches it: what a broker sees of it is the same for all.
import { assert } from '../base/assert.ts';
import { fromUtf8 } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { type LinkState, MqttLink } from '../base/mqtt-link.ts';
import type { IncomingMessage, MqttSubscription } from '../base/mqtt-subscription.ts';
import type { Random } from '../base/random.ts';
import type { TlsSource } from '../base/tls.ts';
import { parseToken } from '../protocol/jws.ts';
import { linkFailure } from '../protocol/link-failure.ts';
import { areaDocumentSchema } from '../protocol/request.ts';
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

/** What came: the text of one part of the cell's document, or of the revocation list. Nothing in it is verified yet. */
export type AreaMessage = { kind: 'document'; part: number; token: string } | { kind: 'revocations'; token: string };

/** Parts that a link has begun to listen to, after which it lets go of none: a broker that says other numbers in turns makes no work. */
const PARTS_FOLLOWED_MAX = 200;

/** A subscribe-only session. Every topic is subscribed to by its exact name, so that any broker delivers what it retains. */
export class AreaLink {
  private readonly options: AreaLinkOptions;
  private readonly topics: ReturnType<typeof topicsUnder>;
  private readonly link: MqttLink;
  private readonly listeners = new Set<(message: AreaMessage) => void>();
  /** Subscriptions to parts 2 and up, in order. */
  private readonly furtherParts: MqttSubscription[] = [];
  private followed = 0;
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

  /** Calls `listener` with everything that comes; returns what takes it off again. */
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
    this.link.subscribe([this.topics.areaRequests(this.options.cell, 1)], (message) => this.document(1, message));
    this.link.start();
  }

  async stop(): Promise<void> {
    await this.link.stop();
  }

  private document(part: number, message: IncomingMessage): void {
    const token = textOf(message);
    if (!token) return;
    if (part === 1) this.followParts(token);
    this.tell({ kind: 'document', part, token });
  }

  /** How many parts there are is only a hint where to listen; a lie costs at most the schema's limit of subscriptions. */
  private followParts(token: string): void {
    const claims = areaDocumentSchema.safeParse(parseToken(token)?.claims);
    if (!claims.success || claims.data.cell !== this.options.cell) return;
    const further = claims.data.parts - 1;
    if (this.followed < PARTS_FOLLOWED_MAX) {
      for (const subscription of this.furtherParts.splice(further)) subscription.close();
    }
    while (this.furtherParts.length < further) {
      this.followed += 1;
      const part = this.furtherParts.length + 2;
      const topic = this.topics.areaRequests(this.options.cell, part);
      this.furtherParts.push(this.link.subscribe([topic], (message) => this.document(part, message)));
    }
  }

  private tell(message: AreaMessage): void {
    for (const listener of [...this.listeners]) listener(message);
  }
}

/** The payload as text; null when it is empty (a retained message was cleared) or not UTF-8. */
function textOf(message: IncomingMessage): string | null {
  return fromUtf8(message.payload) || null;
}
