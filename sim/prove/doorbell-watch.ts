// Records all traffic of a testbed's doorbell: every byte to its broker and its bridge with its time, through a proxy each, and the packets
// or sockets that show whether there is any other traffic.
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import { type Random, SystemRandom } from '@doorsill/base/random';
import type { Programs } from '@doorsill/base/system-programs';
import type { DoorbellNetwork } from '../testbed/start-doorbell-part.ts';
import { LinkProxy } from '../world/link-proxy.ts';
import { type Captured, DoorbellNamespace } from './doorbell-namespace.ts';
import { ProcessSockets, type SocketLooks } from './process-sockets.ts';

/** Bytes that a proxy passed on in one piece. */
export interface SentChunk {
  atUs: number;
  connection: number;
  bytes: Uint8Array;
}

/** How traffic that bypasses the proxies was looked for, and why not better. */
export type OtherTraffic =
  | ({ means: 'capture' } & Captured)
  | ({ means: 'sockets'; why: string } & SocketLooks)
  | { means: 'none'; why: string };

export interface WatchDeps {
  clock: Clock;
  random: Random;
  programs: Programs;
  log: Log;
}

/** The recorded connection from the doorbell to its broker or its bridge. */
export class RecordedLink {
  /** The doorbell's bytes and the answers, in order. */
  readonly sent: SentChunk[] = [];
  readonly answers: SentChunk[] = [];
  readonly proxy: LinkProxy;
  target = '';

  constructor(clock: Clock, ends: { host?: string; near?: string }) {
    const keepIn = (kept: SentChunk[]) => (bytes: Uint8Array, connection: number) =>
      void kept.push({ atUs: clock.wallUs(), connection, bytes });
    // The proxy adds no faults, so its random numbers are never drawn.
    this.proxy = new LinkProxy({ clock, random: new SystemRandom() }, () => this.target, {
      ...ends,
      heard: keepIn(this.sent),
      answered: keepIn(this.answers),
    });
  }

  /** `address:port` as the doorbell sees it; null while it has no target. */
  get place(): string | null {
    return this.target === '' ? null : new URL(this.proxy.url).host;
  }
}

/** The bytes of each connection with fromUs <= time < toUs, in order. */
export function connectionsIn(chunks: readonly SentChunk[], fromUs: number, toUs: number): Uint8Array[] {
  const parts = new Map<number, Uint8Array[]>();
  for (const { atUs, connection, bytes } of chunks) {
    if (atUs < fromUs || atUs >= toUs) continue;
    const own = parts.get(connection);
    if (own) own.push(bytes);
    else parts.set(connection, [bytes]);
  }
  return [...parts.values()].map((each) => Buffer.concat(each));
}

export class DoorbellWatch implements DoorbellNetwork {
  readonly links: { broker: RecordedLink; bridge: RecordedLink };
  private readonly namespace: DoorbellNamespace | null;
  private readonly sockets: ProcessSockets | null;
  /** Why there is no namespace. */
  private readonly why: string;

  private constructor(clock: Clock, namespace: DoorbellNamespace | null, why: string) {
    const ends = namespace ? { host: namespace.host, near: namespace.device } : {};
    this.namespace = namespace;
    this.why = why;
    this.sockets = namespace === null && ProcessSockets.areShown ? new ProcessSockets(clock) : null;
    this.links = { broker: new RecordedLink(clock, ends), bridge: new RecordedLink(clock, ends) };
  }

  /** Starts the proxies. `wantsNamespace`: give the doorbell its own network namespace where this user may make one. */
  static async open(deps: WatchDeps, wantsNamespace: boolean): Promise<DoorbellWatch> {
    const made = wantsNamespace ? await DoorbellNamespace.open(deps) : { why: '--no-namespace was given' };
    const namespace = made instanceof DoorbellNamespace ? made : null;
    const watch = new DoorbellWatch(deps.clock, namespace, 'why' in made ? made.why : '');
    try {
      for (const { proxy } of Object.values(watch.links)) await proxy.start();
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
    const link = this.links[part];
    link.target = url;
    return link.proxy.url;
  }

  started(pid: number): void {
    this.sockets?.watch(pid);
  }

  /** Ends the recording once the doorbell has ended, and removes the namespace. Throws when the capture could not be read. */
  async end(): Promise<OtherTraffic> {
    for (const { proxy } of Object.values(this.links)) await proxy.stop();
    const { namespace, sockets, why } = this;
    if (namespace) return { means: 'capture', ...(await namespace.end()) };
    if (sockets) return { means: 'sockets', why, ...(await sockets.stop()) };
    return { means: 'none', why: `${why}, and it does not show the sockets of a process` };
  }
}
