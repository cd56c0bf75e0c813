// Owns: hearing all that a testbed's doorbell says: the doors through which it reaches its broker and its bridge, where each byte is kept
// with its time, and whatever sees that it says nothing beside them. Not here: the judgement (judge-leaving.ts).
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import { type Random, SystemRandom } from '@doorsill/base/random';
import type { Programs } from '@doorsill/base/system-programs';
import type { DoorbellNetwork } from '../testbed/start-doorbell-part.ts';
import { LinkProxy } from '../world/link-proxy.ts';
import { type Captured, DoorbellNamespace } from './doorbell-namespace.ts';
import { ProcessSockets, type SocketLooks } from './process-sockets.ts';

/** Bytes that went through a door in one piece. */
export interface Said {
  atUs: number;
  connection: number;
  bytes: Uint8Array;
}

/** What is known of anything said beside the doors, and why it is not known better. */
export type Beside =
  | ({ means: 'capture' } & Captured)
  | ({ means: 'sockets'; why: string } & SocketLooks)
  | { means: 'none'; why: string };

export interface WatchDeps {
  clock: Clock;
  random: Random;
  programs: Programs;
  log: Log;
}

/** The way from the doorbell to one part of the testbed. */
export class Door {
  /** What the doorbell said, and what it was answered, in order. */
  readonly said: Said[] = [];
  readonly answers: Said[] = [];
  readonly link: LinkProxy;
  target = '';

  constructor(clock: Clock, ends: { host?: string; near?: string }) {
    const keepIn = (kept: Said[]) => (bytes: Uint8Array, connection: number) =>
      void kept.push({ atUs: clock.wallUs(), connection, bytes });
    // Nothing goes wrong on this link, so nothing is drawn.
    this.link = new LinkProxy({ clock, random: new SystemRandom() }, () => this.target, {
      ...ends,
      heard: keepIn(this.said),
      answered: keepIn(this.answers),
    });
  }

  /** `address:port` as the doorbell sees it; null while it leads nowhere. */
  get place(): string | null {
    return this.target === '' ? null : new URL(this.link.url).host;
  }
}

/** What was said from one moment until before another, by connection, each in order. */
export function connectionsIn(said: readonly Said[], fromUs: number, toUs: number): Uint8Array[] {
  const parts = new Map<number, Uint8Array[]>();
  for (const { atUs, connection, bytes } of said) {
    if (atUs < fromUs || atUs >= toUs) continue;
    const own = parts.get(connection);
    if (own) own.push(bytes);
    else parts.set(connection, [bytes]);
  }
  return [...parts.values()].map((each) => Buffer.concat(each));
}

export class DoorbellWatch implements DoorbellNetwork {
  readonly doors: { broker: Door; bridge: Door };
  private readonly namespace: DoorbellNamespace | null;
  private readonly sockets: ProcessSockets | null;
  /** Why there is no namespace. */
  private readonly why: string;

  private constructor(clock: Clock, namespace: DoorbellNamespace | null, why: string) {
    const ends = namespace ? { host: namespace.host, near: namespace.device } : {};
    this.namespace = namespace;
    this.why = why;
    this.sockets = namespace === null && ProcessSockets.areShown ? new ProcessSockets(clock) : null;
    this.doors = { broker: new Door(clock, ends), bridge: new Door(clock, ends) };
  }

  /** Begins to listen. `wantsNamespace`: whether the doorbell gets a network of its own where this user may make one. */
  static async open(deps: WatchDeps, wantsNamespace: boolean): Promise<DoorbellWatch> {
    const made = wantsNamespace ? await DoorbellNamespace.open(deps) : { why: 'no namespace was wanted' };
    const namespace = made instanceof DoorbellNamespace ? made : null;
    const watch = new DoorbellWatch(deps.clock, namespace, 'why' in made ? made.why : '');
    try {
      for (const { link } of Object.values(watch.doors)) await link.start();
      return watch;
    } catch (thrown) {
      await watch.end();
      throw thrown;
    }
  }

  get inside(): readonly string[] {
    return this.namespace?.inside ?? [];
  }

  doorTo(part: 'broker' | 'bridge', url: string): string {
    const door = this.doors[part];
    door.target = url;
    return door.link.url;
  }

  started(pid: number): void {
    this.sockets?.watch(pid);
  }

  /** Ends the watch once the doorbell has ended, and takes away what it needed. Throws when the capture could not be read. */
  async end(): Promise<Beside> {
    for (const { link } of Object.values(this.doors)) await link.stop();
    const { namespace, sockets, why } = this;
    if (namespace) return { means: 'capture', ...(await namespace.end()) };
    if (sockets) return { means: 'sockets', why, ...(await sockets.stop()) };
    return { means: 'none', why: `${why}, and it does not show the sockets of a process` };
  }
}
