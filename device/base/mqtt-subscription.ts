// Owns: what one listener asked a broker for and whether it was granted. Not here: asking (mqtt-link.ts).

/** A message somebody else published. */
export interface IncomingMessage {
  topic: string;
  payload: Uint8Array;
  /** True when the broker kept it from before the subscription [MQTT-3.3.1-8]. */
  retained: boolean;
}

/** What `subscribe` returns. */
export interface MqttSubscription {
  /** Resolves when the broker has granted every filter; rejects with `unreachable` when it refused one or the link stopped. */
  granted(): Promise<void>;
  close(): void;
}

/** The link's own side of a subscription: it settles it. */
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
