// Owns: messages on their way out: waiting, sent but not acknowledged, bounded in count and bytes. Not here: the connection.
// At least once: what a lost connection had not acknowledged is sent again on the next one, in the order it was queued.

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

/** After this many lost connections in a row with messages in flight, messages go one by one, to learn which one is at fault. */
const DOUBT_LOSSES = 2;
/** And after this many, that one is dropped: a broker that may not take a message can only close the connection [MQTT-3.3.5-2]. */
const GIVE_UP_LOSSES = 4;
/** Messages in flight at once. */
const UNDER_WAY_MAX = 16;

/**
 * First in, first out. When it is full, the oldest message that need not be kept is dropped, and only when there is none the
 * oldest of all; what is under way never is.
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

  /** Messages dropped because the queue was full or the broker never took them. */
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

  /** The next message to send, if one more may be under way now. */
  take(): OutgoingMessage | null {
    if (this.sent.length >= (this.losses >= DOUBT_LOSSES ? 1 : UNDER_WAY_MAX)) return null;
    const message = this.waiting.shift();
    if (!message) return null;
    this.waitingBytes -= message.payload.length;
    this.sent.push(message);
    return message;
  }

  /** A message under way has been acknowledged. Returns false for one that is not under way (any more). */
  acknowledge(message: OutgoingMessage): boolean {
    const at = this.sent.indexOf(message);
    if (at < 0) return false;
    this.sent.splice(at, 1);
    this.losses = 0;
    message.acknowledged();
    return true;
  }

  /** The connection is gone: everything under way waits again, before all that came later. */
  connectionLost(): void {
    const again = this.sent;
    this.sent = [];
    if (again.length > 0) this.losses += 1;
    if (this.losses >= GIVE_UP_LOSSES) {
      this.losses = DOUBT_LOSSES;
      this.droppedCount += 1;
      again.shift()?.dropped('the broker never takes it');
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
      const passing = this.waiting.findIndex((message) => !message.keep);
      const [oldest] = this.waiting.splice(Math.max(0, passing), 1);
      if (!oldest) return;
      this.waitingBytes -= oldest.payload.length;
      this.droppedCount += 1;
      oldest.dropped('the queue of unsent messages is full');
    }
  }
}
