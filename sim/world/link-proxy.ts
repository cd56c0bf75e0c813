// Owns: one link between two parts of a simulated world: passes bytes on, loses them, or is slow; counts what the near side sends.
// Not here: what is said on it.
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../device/index.ts';

export type LinkState = 'ok' | 'lost' | 'slow';

/** How late a slow link brings each piece, in the world's time. */
const SLOW_MS = 1_500;

/** A listener on the loopback address in front of another. */
export class LinkProxy {
  private readonly clock: Clock;
  private readonly target: () => string;
  private readonly sockets = new Set<Socket>();
  private server: Server | null = null;
  private port = 0;
  private current: LinkState = 'ok';
  private sent = 0;

  /** `target`: where it leads now, as a URL with host and port. */
  constructor(clock: Clock, target: () => string) {
    this.clock = clock;
    this.target = target;
  }

  /** Bytes that the near side has sent since the start. */
  get sentBytes(): number {
    return this.sent;
  }

  /** The same URL as the target's, at this listener. */
  get url(): string {
    const url = new URL(this.target());
    return `${url.protocol}//127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    // What is written goes at once: the kernel would hold a small part back for 40 ms, in which the world's time runs on.
    const server = createServer({ noDelay: true }, (near) => this.join(near));
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    this.port = typeof address === 'object' && address ? address.port : 0;
  }

  /** A lost link ends what is open and lets nothing in. */
  set(state: LinkState): void {
    this.current = state;
    if (state === 'lost') this.cut();
  }

  /** Ends what is open, as when the near side loses its power. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    const { server } = this;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  private join(near: Socket): void {
    if (this.current === 'lost') {
      near.destroy();
      return;
    }
    const { hostname, port } = new URL(this.target());
    const far = connect({ host: hostname, port: Number(port), noDelay: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(from);
      from.on('data', (bytes: Buffer) => {
        if (from === near) this.sent += bytes.length;
        if (this.current === 'slow') this.clock.after(SLOW_MS, () => void (to.writable && to.write(bytes)));
        else if (!to.write(bytes)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
      from.once('end', () => (this.current === 'slow' ? this.clock.after(SLOW_MS, () => to.end()) : to.end()));
      from.once('error', () => to.destroy());
      from.once('close', () => {
        this.sockets.delete(from);
        to.destroySoon();
      });
    }
  }
}
