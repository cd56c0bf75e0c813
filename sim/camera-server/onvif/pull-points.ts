// Event subscriptions (ONVIF Core §9.2, pull points): queues, lifetimes, waiting pulls, and the current state of each topic.
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import { freshId, type Random } from '@doorsill/base/random';
import { SUBSCRIPTIONS_MAX } from './device-service.ts';
import type { CameraEvent } from './onvif-camera.ts';
import { SoapFault } from './soap.ts';

/** The boolean states of a camera. */
export const TOPICS = ['VideoSource/MotionAlarm', 'RuleEngine/MyRuleDetector/Visitor'] as const;
export type Topic = (typeof TOPICS)[number];

/** A queue drops its oldest message beyond this. */
const MESSAGES_MAX = 200;
/** How long a press counts as lasting; a button reports only its beginning. */
const PRESS_MS = 1_000;
/** Lifetime after the last pull, for a subscription without a termination time. */
const KEPT_ALIVE_MS = 60_000;

export interface EventMessage {
  topic: Topic;
  /** `Initialized` is the state at the beginning of the subscription, or on request. */
  operation: 'Initialized' | 'Changed';
  state: boolean;
  /** In microseconds on the camera's clock. */
  atUs: number;
}

interface PullPoint {
  topics: ReadonlySet<Topic>;
  queue: EventMessage[];
  /** On the monotonic clock, in ms. */
  endsAtMs: number;
  /** Whether each pull extends the lifetime. */
  isKeptAlive: boolean;
  ending: Timer | null;
  /** Ends the wait of a pending pull. */
  wake: (() => void) | null;
}

/** The subscriptions of one camera. */
export class PullPoints {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly log: Log;
  private readonly points = new Map<string, PullPoint>();
  private readonly states = new Map<Topic, boolean>(TOPICS.map((topic) => [topic, false]));
  private release: Timer | null = null;

  constructor(seams: { clock: Clock; random: Random; log: Log }) {
    this.clock = seams.clock;
    this.random = seams.random;
    this.log = seams.log;
  }

  /** Queues an event for every subscription. A press ends by itself after a second, or at the next press. */
  notice(event: CameraEvent): void {
    const { type, atUs } = event;
    if (type !== 'press') {
      this.set('VideoSource/MotionAlarm', type === 'motion-start', atUs);
      return;
    }
    this.endPress(atUs);
    this.set('RuleEngine/MyRuleDetector/Visitor', true, atUs);
    this.release = this.clock.after(PRESS_MS, () => this.endPress(atUs + PRESS_MS * 1_000));
  }

  /**
   * Creates a subscription to `topics` that begins with their states; returns its id. It lasts `lifetimeMs`; with null, until a minute has
   * passed without a pull. Throws `SoapFault` `subscriptions`.
   */
  create(topics: ReadonlySet<Topic>, lifetimeMs: number | null): string {
    if (this.points.size >= SUBSCRIPTIONS_MAX) throw new SoapFault('subscriptions');
    const id = freshId(this.random, 'events');
    const point: PullPoint = {
      topics,
      queue: [],
      endsAtMs: 0,
      isKeptAlive: lifetimeMs === null,
      ending: null,
      wake: null,
    };
    this.points.set(id, point);
    this.endIn(id, point, lifetimeMs ?? KEPT_ALIVE_MS);
    this.queueStates(id);
    return id;
  }

  /** Remaining lifetime in ms. Throws `SoapFault` `subscription`. */
  leftMs(id: string): number {
    return Math.max(0, this.find(id).endsAtMs - this.clock.monotonicMs());
  }

  /** Sets the lifetime to `lifetimeMs` from now. Throws `SoapFault` `subscription`. */
  renew(id: string, lifetimeMs: number): void {
    const point = this.find(id);
    point.isKeptAlive = false;
    this.endIn(id, point, lifetimeMs);
  }

  /** Queues all current states again. Throws `SoapFault` `subscription`. */
  queueStates(id: string): void {
    const point = this.find(id);
    const atUs = this.clock.wallUs();
    for (const [topic, state] of this.states)
      if (point.topics.has(topic)) this.add(id, point, { topic, operation: 'Initialized', state, atUs });
  }

  /** Ends a subscription; a pending pull returns nothing. Throws `SoapFault` `subscription`. */
  end(id: string): void {
    const point = this.find(id);
    point.ending?.cancel();
    this.points.delete(id);
    point.queue = [];
    point.wake?.();
  }

  /**
   * Takes the oldest messages, `limit` at most, waiting `timeoutMs` for the first one. A pull that was pending already returns nothing; one
   * whose client is `gone` leaves the messages to the next pull. Throws `SoapFault` `subscription`.
   */
  async pull(id: string, timeoutMs: number, limit: number, gone: AbortSignal): Promise<EventMessage[]> {
    const point = this.find(id);
    point.wake?.();
    if (point.isKeptAlive) this.endIn(id, point, timeoutMs + KEPT_ALIVE_MS);
    let mayTake = true;
    if (point.queue.length === 0 && timeoutMs > 0) mayTake = await this.wait(point, timeoutMs, gone);
    if (!mayTake || gone.aborted) return [];
    if (point.isKeptAlive && this.points.has(id)) this.endIn(id, point, KEPT_ALIVE_MS);
    return point.queue.splice(0, limit);
  }

  /** Ends all subscriptions and timers. */
  stop(): void {
    this.release?.cancel();
    this.release = null;
    for (const id of [...this.points.keys()]) this.end(id);
  }

  /** Resolves to true if this pull may take messages, false if a newer pull has replaced it. */
  private wait(point: PullPoint, timeoutMs: number, gone: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (isTurn: boolean) => {
        timer.cancel();
        gone.removeEventListener('abort', leave);
        if (point.wake === wake) point.wake = null;
        resolve(isTurn);
      };
      const wake = () => finish(point.queue.length > 0);
      const leave = () => finish(false);
      const timer = this.clock.after(timeoutMs, () => finish(true));
      gone.addEventListener('abort', leave, { once: true });
      point.wake = wake;
    });
  }

  private endPress(atUs: number): void {
    this.release?.cancel();
    this.release = null;
    this.set('RuleEngine/MyRuleDetector/Visitor', false, atUs);
  }

  private set(topic: Topic, state: boolean, atUs: number): void {
    if (this.states.get(topic) === state) return;
    this.states.set(topic, state);
    for (const [id, point] of this.points)
      if (point.topics.has(topic)) this.add(id, point, { topic, operation: 'Changed', state, atUs });
  }

  private add(id: string, point: PullPoint, message: EventMessage): void {
    point.queue.push(message);
    if (point.queue.length > MESSAGES_MAX) {
      point.queue.shift();
      this.log.debug('an ONVIF subscription lost its oldest message: its client does not pull', { subscription: id });
    }
    point.wake?.();
  }

  private endIn(id: string, point: PullPoint, lifetimeMs: number): void {
    point.ending?.cancel();
    point.endsAtMs = this.clock.monotonicMs() + lifetimeMs;
    point.ending = this.clock.after(lifetimeMs, () => this.end(id));
  }

  private find(id: string): PullPoint {
    const point = this.points.get(id);
    if (!point) throw new SoapFault('subscription');
    return point;
  }
}
