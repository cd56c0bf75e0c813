// A queue of messages from the doorbell, and the calls that wait for more.

import type { Clock } from '@doorsill/base/clock';
import { failure } from '../errors.ts';

/** Maximum of queued messages: beyond it the oldest are dropped. */
export const ARRIVALS_MAX = 1_000;
/** Number of ids that are remembered, so that a message delivered twice counts once. */
const IDS_MAX = 4 * ARRIVALS_MAX;
/** How many of the newest messages a failed wait names. */
const NAMED_MAX = 10;

interface Wait<Message> {
  /** Takes the message if it is the wanted one. */
  offer(message: Message): boolean;
  fail(thrown: unknown): void;
}

export class Arrivals<Message> {
  private readonly clock: Clock;
  private readonly nameOf: (message: Message) => string;
  private readonly kept: Message[] = [];
  private readonly ids = new Set<string>();
  /** In call order. */
  private readonly waits = new Set<Wait<Message>>();

  /** `nameOf`: the name of a message in a failure. */
  constructor(clock: Clock, nameOf: (message: Message) => string) {
    this.clock = clock;
    this.nameOf = nameOf;
  }

  /** Gives a message to the first call that waits for it, or queues it. One with a known id is dropped. */
  add(id: string, message: Message): void {
    if (this.ids.has(id)) return;
    this.ids.add(id);
    for (const oldest of this.ids) {
      if (this.ids.size <= IDS_MAX) break;
      this.ids.delete(oldest);
    }
    for (const wait of this.waits) if (wait.offer(message)) return;
    this.kept.push(message);
    if (this.kept.length > ARRIVALS_MAX) this.kept.shift();
  }

  /**
   * Takes the oldest queued message that `isWanted` accepts; waits for one if there is none. Throws `client_nothing_came`, which names the
   * queued messages.
   */
  take<Wanted extends Message>(
    what: string,
    isWanted: (message: Message) => message is Wanted,
    withinMs: number,
  ): Promise<Wanted> {
    const index = this.kept.findIndex(isWanted);
    const [found] = index < 0 ? [] : this.kept.splice(index, 1);
    if (found !== undefined && isWanted(found)) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const timer = this.clock.after(withinMs, () => {
        this.waits.delete(wait);
        reject(failure('client_nothing_came', { what, seconds: withinMs / 1_000, instead: this.names() }));
      });
      const settled = () => {
        timer.cancel();
        this.waits.delete(wait);
      };
      const wait: Wait<Message> = {
        offer: (message) => {
          if (!isWanted(message)) return false;
          settled();
          resolve(message);
          return true;
        },
        fail: (thrown) => {
          settled();
          reject(thrown);
        },
      };
      this.waits.add(wait);
    });
  }

  /** Ends every wait with this failure. */
  end(thrown: unknown): void {
    for (const wait of [...this.waits]) wait.fail(thrown);
  }

  private names(): string {
    const names = this.kept.map(this.nameOf);
    const shown = names.slice(-NAMED_MAX).join(', ') || 'nothing';
    return names.length > NAMED_MAX ? `${names.length - NAMED_MAX} older ones, ${shown}` : shown;
  }
}
