// Outgoing messages, bounded in count and bytes. Delivered at least once: those that were unacknowledged when a connection was lost are
// sent again on the next one, in the order in which they were queued.

/** One message to publish. */
export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  /** Dropped only when nothing else is left to drop. */
  readonly keep: boolean;
  /** The broker has acknowledged it. */
  readonly acknowledged: () => void;
  /** It will not be sent any more. */
  readonly dropped: (why: string) => void;
}

export interface QueueLimits {
  readonly messages: number;
  readonly bytes: number;
}

/** After this many lost connections in a row with messages in flight, messages are sent one by one, to find the one at fault. */
const DOUBT_LOSSES = 2;
/** After this many, that message is dropped: a broker that refuses a message can only close the connection [MQTT-3.3.5-2]. */
const GIVE_UP_LOSSES = 4;
/** Messages in flight at once. */
const UNDER_WAY_MAX = 16;

/**
 * First in, first out. When the queue is full, the oldest message without `keep` is dropped, or the oldest of all if every one has it;
 * messages in flight are never dropped for room.
 */
export class MqttQueue {
  private readonly limits: QueueLimits;
  private waiting: OutgoingMessage[] = [];
  private sent: OutgoingMessage[] = [];
  private waitingBytes = 0;
  private droppedCount = 0;
  private losses = 0;

  constructor(limits: QueueLimits) {
    this.limits = limits;
  }

  /** Messages dropped, because the queue was full or the broker never accepted them. */
  get dropped(): number {
    return this.droppedCount;
  }

  /** Messages not acknowledged yet. */
  get size(): number {
    return this.waiting.length + this.sent.length;
  }

  /** Messages sent and not acknowledged. */
  get underWay(): number {
    return this.sent.length;
  }

  push(message: OutgoingMessage): void {
    this.waiting.push(message);
    this.waitingBytes += message.payload.length;
    this.shrink();
  }

  /** The next message to send, if one more may be in flight now. */
  take(): OutgoingMessage | null {
    if (this.sent.length >= (this.losses >= DOUBT_LOSSES ? 1 : UNDER_WAY_MAX)) return null;
    const message = this.waiting.shift();
    if (!message) return null;
    this.waitingBytes -= message.payload.length;
    this.sent.push(message);
    return message;
  }

  /** The broker has acknowledged a message. Returns false if it was not in flight (any more). */
  acknowledge(message: OutgoingMessage): boolean {
    const at = this.sent.indexOf(message);
    if (at < 0) return false;
    this.sent.splice(at, 1);
    this.losses = 0;
    message.acknowledged();
    return true;
  }

  /** The connection is lost: messages in flight wait again, before all later ones. */
  connectionLost(): void {
    const again = this.sent;
    this.sent = [];
    if (again.length > 0) this.losses += 1;
    if (this.losses >= GIVE_UP_LOSSES) {
      this.losses = DOUBT_LOSSES;
      this.droppedCount += 1;
      again.shift()?.dropped('the broker never accepts it');
    }
    this.waiting = [...again, ...this.waiting];
    for (const message of again) this.waitingBytes += message.payload.length;
    this.shrink();
  }

  /** Drops all messages. */
  clear(why: string): void {
    const all = [...this.sent, ...this.waiting];
    this.sent = [];
    this.waiting = [];
    this.waitingBytes = 0;
    for (const message of all) message.dropped(why);
  }

  private shrink(): void {
    while (this.waiting.length > this.limits.messages || this.waitingBytes > this.limits.bytes) {
      const droppable = this.waiting.findIndex((message) => !message.keep);
      const [oldest] = this.waiting.splice(Math.max(0, droppable), 1);
      if (!oldest) return;
      this.waitingBytes -= oldest.payload.length;
      this.droppedCount += 1;
      oldest.dropped('the queue of unsent messages is full');
    }
  }
}
