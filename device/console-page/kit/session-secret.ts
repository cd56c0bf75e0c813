// The secret of this browser's session: kept in memory only, and shared by all tabs of this origin, because they share the cookie that
// belongs to it.

import { secretSchema } from '@doorsill/contract/console-messages';
import { z } from 'zod';
import { clock } from './browser-seams.ts';

const messageSchema = z.discriminatedUnion('say', [
  z.strictObject({ say: z.literal('who-has-one') }),
  z.strictObject({ say: z.literal('this-one'), secret: secretSchema }),
]);

/** Another tab, if there is one, answers at once. */
const ANSWER_MS_MAX = 120;

export class SessionSecret {
  private held: string | null = null;
  private readonly channel = new BroadcastChannel('doorsill-session');

  constructor() {
    this.channel.onmessage = ({ data }) => {
      const message = messageSchema.safeParse(data);
      if (!message.success) return;
      if (message.data.say === 'this-one') this.held = message.data.secret;
      else if (this.held !== null) this.channel.postMessage({ say: 'this-one', secret: this.held });
    };
  }

  get value(): string | null {
    return this.held;
  }

  /** Keeps a new session's secret, and passes it to the other tabs, whose cookie has changed as well. */
  keep(secret: string): void {
    this.held = secret;
    this.channel.postMessage({ say: 'this-one', secret });
  }

  /** Drops a refused secret. */
  drop(refused: string): void {
    if (this.held === refused) this.held = null;
  }

  /** Asks the other tabs for their secret, if this one has none. */
  async askOtherTabs(): Promise<void> {
    if (this.held !== null) return;
    this.channel.postMessage({ say: 'who-has-one' });
    const waited = new AbortController();
    await clock.pause(ANSWER_MS_MAX, waited.signal);
  }
}
