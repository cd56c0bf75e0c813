// Subscriptions of a link, whether the broker granted them, and asking again for refused ones.
import { Backoff } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';
import type { Log } from './log.ts';
import { topicMatches } from './mqtt-topic.ts';
import type { Random } from './random.ts';

/** Waits before asking again: a cluster that elects a leader, or whose clients all reconnect at once, may grant a refused filter later. */
const ASK_AGAIN_FIRST_MS = 2_000;
const ASK_AGAIN_MOST_MS = 120_000;
/** The longest wait for a SUBACK of any number of filters. */
const SUBACK_MS_MOST = 60_000;

/** A message from the broker. */
export interface IncomingMessage {
  topic: string;
  payload: Uint8Array;
  /** Whether it was retained before the subscription [MQTT-3.3.1-8]. */
  retained: boolean;
}

/** What `subscribe` returns. */
export interface MqttSubscription {
  /**
   * Resolves when the broker has granted every filter; rejects with `unreachable` when its last answer refused one, or the link stopped.
   * The link asks again for refused filters.
   */
  granted(): Promise<void>;
  close(): void;
}

/** A subscription, as the link sees it. */
export class Subscription implements MqttSubscription {
  readonly filters: readonly string[];
  readonly handler: (message: IncomingMessage) => void;
  private readonly link: { forget(subscription: Subscription): void };
  private outcome: 'open' | 'granted' | Error = 'open';
  private waiters: { resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(
    link: { forget(subscription: Subscription): void },
    filters: readonly string[],
    handler: (message: IncomingMessage) => void,
  ) {
    this.link = link;
    this.filters = filters;
    this.handler = handler;
  }

  granted(): Promise<void> {
    if (this.outcome === 'granted') return Promise.resolve();
    if (this.outcome !== 'open') return Promise.reject(this.outcome);
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }));
  }

  /** Settles it once each of its filters has an answer (true: granted). */
  answered(answers: ReadonlyMap<string, boolean>, refusal: (filter: string) => Error): void {
    if (!this.filters.every((filter) => answers.has(filter))) return;
    const bad = this.filters.find((filter) => answers.get(filter) === false);
    this.settle(bad === undefined ? 'granted' : refusal(bad));
  }

  settle(outcome: 'granted' | Error): void {
    this.outcome = outcome;
    const waiters = this.waiters;
    this.waiters = [];
    for (const waiter of waiters) {
      if (outcome === 'granted') waiter.resolve();
      else waiter.reject(outcome);
    }
  }

  close(): void {
    this.link.forget(this);
  }
}

/** Sends a SUBSCRIBE of one session; `answered` is called with the codes of its SUBACK, or never. */
export type SendSubscribe = (filters: readonly string[], answered: (codes: readonly number[]) => void) => void;

interface SubscriptionsOptions {
  clock: Clock;
  random: Random;
  log: Log;
  /** Time limit for each filter of a SUBSCRIBE, and the call when it passes without an answer. */
  answerMsMax: number;
  unanswered: () => void;
  refusal(detail: string): Error;
}

/** All subscriptions of a link, over its sessions. */
export class Subscriptions {
  private readonly options: SubscriptionsOptions;
  private readonly all = new Set<Subscription>();
  /** One for each SUBSCRIBE without an answer, and for each that will be sent again. */
  private readonly timers = new Set<Timer>();
  private readonly again: Backoff;
  /** The broker's answers in this session, by filter; true: granted. */
  private readonly answers = new Map<string, boolean>();

  constructor(options: SubscriptionsOptions) {
    this.options = options;
    this.again = new Backoff(options.random, ASK_AGAIN_FIRST_MS, ASK_AGAIN_MOST_MS);
  }

  add(subscription: Subscription): void {
    this.all.add(subscription);
  }

  /** Returns the filters that no other subscription has. */
  remove(subscription: Subscription): string[] {
    if (!this.all.delete(subscription)) return [];
    const kept = new Set(this.filters());
    const unused = subscription.filters.filter((filter) => !kept.has(filter));
    for (const filter of unused) this.answers.delete(filter);
    return unused;
  }

  filters(): string[] {
    return [...new Set([...this.all].flatMap((subscription) => subscription.filters))];
  }

  /** Asks for the filters and settles the subscriptions that are answered; `then` runs once the broker has answered, granted or not. */
  ask(send: SendSubscribe, filters: readonly string[], then: () => void): void {
    if (filters.length === 0) {
      then();
      return;
    }
    const { clock, answerMsMax, unanswered } = this.options;
    // A busy cluster decides on one filter after the other and takes seconds for each (NATS 4 s). If clients gave up meanwhile, all would
    // come back with all their filters, and the cluster would never finish.
    const timer = afterAwake(clock, Math.min(SUBACK_MS_MOST, answerMsMax * filters.length), unanswered);
    this.timers.add(timer);
    send(filters, (codes) => {
      if (!this.timers.delete(timer)) return;
      timer.cancel();
      // 0x80 in a SUBACK is a refusal [MQTT-3.9.3-2]; the broker answers in the order we asked.
      for (const [at, filter] of filters.entries()) this.answers.set(filter, (codes[at] ?? 128) <= 2);
      for (const subscription of this.all) {
        subscription.answered(this.answers, (bad) =>
          this.options.refusal(`the broker refused the subscription to ${bad}`),
        );
      }
      const refused = filters.filter((filter) => this.answers.get(filter) === false);
      if (refused.length > 0) this.askAgain(send, refused);
      then();
    });
  }

  private askAgain(send: SendSubscribe, refused: readonly string[]): void {
    const level = this.again.count === 0 ? 'warn' : 'info';
    for (const filter of refused)
      this.options.log[level](
        'the broker refused a subscription; it is asked again, and its messages are missing until then',
        { filter },
      );
    const timer = this.options.clock.after(this.again.nextMs(), () => {
      this.timers.delete(timer);
      const wanted = new Set(this.filters());
      this.ask(
        send,
        refused.filter((filter) => wanted.has(filter)),
        () => undefined,
      );
    });
    this.timers.add(timer);
  }

  /** The session has ended: its questions get no answers any more. */
  sessionEnded(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
    this.answers.clear();
    this.again.reset();
  }

  /** Passes a message to the subscriptions that match its topic. */
  deliver(topic: string, payload: Uint8Array, retained: boolean): void {
    for (const subscription of [...this.all]) {
      if (!subscription.filters.some((filter) => topicMatches(filter, topic))) continue;
      subscription.handler({ topic, payload: new Uint8Array(payload), retained });
    }
  }

  /** The link has stopped. */
  rejectAll(error: Error): void {
    for (const subscription of this.all) subscription.settle(error);
  }
}

const AWAKE_STEPS = 10;

/**
 * Runs `call` after `delayMs` in which this process ran: a step that comes late, because the machine was busy or asleep, counts as one
 * step. For judging that a peer is silent: data that it sent meanwhile is read first. Otherwise a busy machine would drop all its sessions
 * and become busier still.
 */
export function afterAwake(clock: Pick<Clock, 'after'>, delayMs: number, call: () => void): Timer {
  let timer: Timer;
  const arm = (steps: number) => {
    timer = clock.after(delayMs / AWAKE_STEPS, () => (steps > 1 ? arm(steps - 1) : call()));
  };
  arm(AWAKE_STEPS);
  return { cancel: () => timer.cancel() };
}
