// Owns: what came from the doorbell and was not asked for yet, each once and in order, and the calls that wait for more.
// Not here: what comes, and who asks (virtual-doorbell.ts).

import type { Clock } from '@doorsill/base/clock';
import { failure } from '../errors.ts';

/** Kept at most: when more come that nobody asks for, the oldest are dropped. */
export const ARRIVALS_MAX = 1_000;
/** Ids that are remembered, so that what a broker delivers twice counts once. */
const IDS_MAX = 4 * ARRIVALS_MAX;
/** How many of the newest are named when a wait ends without success. */
const NAMED_MAX = 10;

interface Wait<Message> {
  /** Takes the message if it is the one that is waited for. */
  offer(message: Message): boolean;
  fail(thrown: unknown): void;
}

export class Arrivals<Message> {
  private readonly clock: Clock;
  private readonly nameOf: (message: Message) => string;
  private readonly kept: Message[] = [];
  private readonly ids = new Set<string>();
  /** In the order of the calls. */
  private readonly waits = new Set<Wait<Message>>();

  /** `nameOf`: how a message is named in a failure. */
  constructor(clock: Clock, nameOf: (message: Message) => string) {
    this.clock = clock;
    this.nameOf = nameOf;
  }

  /** Takes in a message; gives it to the first call that waits for it, or keeps it. One whose id came before is dropped. */
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
   * Resolves with the oldest message that `isWanted` and no other call took; waits for one if there is none yet. Throws
   * `client_nothing_came`, which names what came instead.
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
