// Owns: the session's secret of this browser: in memory alone, and the same one in all tabs of this origin, because the cookie that belongs
// to it is theirs together. Not here: opening a session (device-client.ts).

import { secretSchema } from '@doorsill/contract/console-messages';
import { z } from 'zod';
import { clock } from './browser-seams.ts';

const saidSchema = z.discriminatedUnion('say', [
  z.strictObject({ say: z.literal('who-has-one') }),
  z.strictObject({ say: z.literal('this-one'), secret: secretSchema }),
]);

/** Another tab answers at once, or is not there. */
const ANSWER_MS_MAX = 120;

export class SessionSecret {
  private held: string | null = null;
  private readonly channel = new BroadcastChannel('doorsill-session');

  constructor() {
    this.channel.onmessage = ({ data }) => {
      const said = saidSchema.safeParse(data);
      if (!said.success) return;
      if (said.data.say === 'this-one') this.held = said.data.secret;
      else if (this.held !== null) this.channel.postMessage({ say: 'this-one', secret: this.held });
    };
  }

  get value(): string | null {
    return this.held;
  }

  /** Keeps a new session's secret, and gives it to the other tabs: their cookie has changed as well. */
  keep(secret: string): void {
    this.held = secret;
    this.channel.postMessage({ say: 'this-one', secret });
  }

  /** Drops a secret that was refused. */
  drop(refused: string): void {
    if (this.held === refused) this.held = null;
  }

  /** Asks the other tabs when this one has none. */
  async askOtherTabs(): Promise<void> {
    if (this.held !== null) return;
    this.channel.postMessage({ say: 'who-has-one' });
    const waited = new AbortController();
    await clock.pause(ANSWER_MS_MAX, waited.signal);
  }
}
