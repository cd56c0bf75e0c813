// Owns: one link between two parts: a listener in front of another that passes bytes on, late, slowly, changed, or not at all; counts what
// the near side sends, and lets it be heard. Not here: what is said on it, who says what is wrong with it (sim/scenario, sim/cli/proxy.ts).

import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock, Timer } from '@doorsill/base/clock';
import { systemCode } from '@doorsill/base/disk';
import { integerBelow, type Random } from '@doorsill/base/random';
import { failure } from '../errors.ts';

/** What is wrong with a link; nothing where all is absent. */
export interface LinkTrouble {
  /** `lost`: connections end and none is let in. `half-open`: they stay, what is sent on them is swallowed, and nobody hears of an end. */
  gone?: 'lost' | 'half-open';
  /** How late each piece comes; at most `LINK_LATE_MS_MAX`. */
  delayMs?: number;
  /** Up to so much later than that, drawn for each piece; the order of bytes stays. */
  jitterMs?: number;
  /** Bytes a second in each direction of a connection. */
  bytesPerS?: number;
  /** The share of pieces, 0 to 1, in which one bit is turned over. */
  corrupt?: number;
}

/** What is wrong, for people. */
export function printTrouble({ gone, delayMs, jitterMs, bytesPerS, corrupt }: LinkTrouble): string {
  const words = [
    ...(gone === undefined ? [] : [gone]),
    ...(delayMs === undefined ? [] : [`late by ${delayMs} ms`]),
    ...(jitterMs === undefined ? [] : [`up to ${jitterMs} ms more`]),
    ...(bytesPerS === undefined ? [] : [`${bytesPerS} bytes a second`]),
    ...(corrupt === undefined ? [] : [`${corrupt * 100} % of pieces changed`]),
  ];
  return words.length > 0 ? words.join(', ') : 'ok';
}

export interface LinkProxyDeps {
  clock: Clock;
  random: Random;
}

export interface LinkOptions {
  /** The address of this machine at which it listens; the loopback address when absent. */
  host?: string;
  /** One that is free when absent. */
  port?: number;
  /** The only address that may connect; any that reaches the listener when absent. */
  near?: string;
  /** Called with what the near side says, and what it is answered, as it comes. Connections are numbered from 0. */
  heard?: (bytes: Uint8Array, connection: number) => void;
  answered?: (bytes: Uint8Array, connection: number) => void;
}

/** Nobody waits longer than this for a link that is late. */
export const LINK_LATE_MS_MAX = 600_000;
/** Beyond this a side is not read on until the other has taken what waits. */
const WAITING_BYTES_MAX = 1_048_576;
const CONNECTIONS_MAX = 1_000;

/** A listener on an address of this machine in front of another. */
export class LinkProxy {
  private readonly deps: LinkProxyDeps;
  private readonly target: () => string;
  private readonly options: LinkOptions;
  private readonly sockets = new Set<Socket>();
  /** What is on its way from the near side, of each connection. */
  private readonly outgoing = new Set<WaitingLine>();
  private joined = 0;
  /** What the near side may still say until the link holds it back, and what is called then; null: all of it passes. */
  private hold: { leftBytes: number; begun: () => void } | null = null;
  private server: Server | null = null;
  private port = 0;
  private trouble: LinkTrouble = {};
  private sent = 0;

  /** `target`: where it leads now, as a URL with host and port. */
  constructor(deps: LinkProxyDeps, target: () => string, options: LinkOptions = {}) {
    this.deps = deps;
    this.target = target;
    this.options = options;
  }

  /** Bytes that the near side has sent since the start. */
  get sentBytes(): number {
    return this.sent;
  }

  /** Connections that are open at its near side. */
  get connections(): number {
    return [...this.sockets].filter(({ localPort }) => localPort === this.port).length;
  }

  /** The same URL as the target's, at this listener. */
  get url(): string {
    const url = new URL(this.target());
    const { host } = this;
    return `${url.protocol}//${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  private get host(): string {
    return this.options.host ?? '127.0.0.1';
  }

  /** Listens. Throws `port_in_use`, and `unreachable` for an address that is not this machine's. */
  async start(): Promise<void> {
    const { host } = this;
    const { port = 0 } = this.options;
    // What is written goes at once: the kernel would hold a small part back for 40 ms, in which the world's time runs on.
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => this.join(near));
    server.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      // Kept for good: later it hears of connections that could not be let in, such as without a free descriptor.
      server.on('error', (thrown: Error) => {
        if (systemCode(thrown) === 'EADDRINUSE') reject(failure('port_in_use', { port, host }));
        else reject(failure('unreachable', { what: 'the address to listen on', where: host, detail: thrown.message }));
      });
      server.listen(port, host, resolve);
    });
    this.server = server;
    const address = server.address();
    this.port = typeof address === 'object' && address ? address.port : 0;
  }

  /** Sets what is wrong with it from now on; what waits already comes when it was due. */
  set(trouble: LinkTrouble): void {
    // Bytes were swallowed: no connection can go on as if they had come.
    if (this.trouble.gone === 'half-open' && trouble.gone !== 'half-open') this.reset();
    this.trouble = trouble;
    if (trouble.gone === 'lost') this.cut();
  }

  /**
   * Takes whatever the near side says, and passes nothing on from the piece that reaches `afterBytes` on, nor an end, until `release`;
   * answers pass. Resolves when it begins to hold something back. The near side notices nothing but that no answer comes.
   */
  holdBack(afterBytes: number): Promise<void> {
    return new Promise((begun) => {
      this.hold = { leftBytes: afterBytes, begun };
    });
  }

  /** Passes on what was held back, and all that follows. */
  release(): void {
    this.hold = null;
    for (const line of this.outgoing) line.deliver();
  }

  private get isHolding(): boolean {
    return this.hold !== null && this.hold.leftBytes <= 0;
  }

  /** Ends what is open, as when the near side loses its power. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Ends what is open as a router does that has forgotten it: with a reset, not a goodbye. */
  reset(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    this.cut();
    const { server } = this;
    this.server = null;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Counts what was heard before it is passed on. */
  private hear(bytes: Buffer): void {
    this.sent += bytes.length;
    const { hold } = this;
    if (!hold || hold.leftBytes <= 0) return;
    hold.leftBytes -= bytes.length;
    if (hold.leftBytes <= 0) hold.begun();
  }

  private join(near: Socket): void {
    near.on('error', () => near.destroy());
    const { near: only, heard, answered } = this.options;
    if (this.trouble.gone === 'lost' || (only !== undefined && near.remoteAddress !== only)) {
      near.destroy();
      return;
    }
    const connection = this.joined++;
    const { hostname, port } = new URL(this.target());
    const far = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port),
      noDelay: true,
      allowHalfOpen: true,
    });
    const outgoing = new WaitingLine(this.deps.clock, near, far, () => this.isHolding);
    this.outgoing.add(outgoing);
    far.once('close', () => this.outgoing.delete(outgoing));
    this.pass(near, outgoing, (bytes) => {
      this.hear(bytes);
      heard?.(bytes, connection);
    });
    this.pass(far, new WaitingLine(this.deps.clock, far, near), (bytes) => answered?.(bytes, connection));
  }

  /** Passes on what comes from one side to the other, as the trouble of the moment lets it. */
  private pass(from: Socket, line: WaitingLine, count: (bytes: Buffer) => void): void {
    this.sockets.add(from);
    const isSwallowed = () => this.trouble.gone === 'half-open';
    from.on('data', (bytes: Buffer) => {
      count(bytes);
      if (isSwallowed()) return;
      line.push(this.changed(bytes), this.lateMs(), this.trouble.bytesPerS);
    });
    from.once('end', () => {
      if (!isSwallowed()) line.push(null, this.lateMs(), undefined);
    });
    from.on('error', () => {
      if (!isSwallowed()) line.to.destroy();
    });
    from.once('close', () => {
      this.sockets.delete(from);
      // Where the other side is gone as well, there is nobody to hear of it: only what waits is dropped.
      if (!isSwallowed() || line.to.destroyed) line.close();
    });
  }

  private lateMs(): number {
    const { delayMs = 0, jitterMs = 0 } = this.trouble;
    return delayMs + (jitterMs > 0 ? this.deps.random.fraction() * jitterMs : 0);
  }

  private changed(bytes: Buffer): Buffer {
    const { corrupt = 0 } = this.trouble;
    const { random } = this.deps;
    if (corrupt === 0 || random.fraction() >= corrupt) return bytes;
    const other = Buffer.from(bytes);
    const at = integerBelow(random, other.length);
    other[at] = (other[at] ?? 0) ^ (1 << integerBelow(random, 8));
    return other;
  }
}

/** Due times are compared to the microsecond: clocks count no finer. */
const MS_LEAST = 0.001;

/** What is on its way in one direction of a connection: pieces in their order, each with the time at which it is due; null is the end. */
class WaitingLine {
  readonly to: Socket;
  private readonly clock: Clock;
  private readonly from: Socket;
  private readonly isHeld: () => boolean;
  private waiting: { dueMs: number; bytes: Buffer | null }[] = [];
  private waitingBytes = 0;
  private lastDueMs = 0;
  private timer: Timer | null = null;
  private isClosed = false;

  /** `isHeld`: whether nothing is passed on now; `deliver` is called when it is over. */
  constructor(clock: Clock, from: Socket, to: Socket, isHeld = () => false) {
    this.clock = clock;
    this.from = from;
    this.to = to;
    this.isHeld = isHeld;
    to.on('drain', () => this.resumeIfRoom());
  }

  push(bytes: Buffer | null, lateMs: number, bytesPerS: number | undefined): void {
    const takesMs = bytes && bytesPerS ? (bytes.length * 1_000) / bytesPerS : 0;
    this.lastDueMs = Math.max(this.lastDueMs, this.clock.monotonicMs() + lateMs) + takesMs;
    this.waiting.push({ dueMs: this.lastDueMs, bytes });
    this.waitingBytes += bytes?.length ?? 0;
    this.deliver();
    // What is held back is taken all the same.
    if (this.waitingBytes > WAITING_BYTES_MAX && !this.isHeld()) this.from.pause();
  }

  /** Its sender is gone: the other side is told once it has everything. */
  close(): void {
    this.isClosed = true;
    this.deliver();
  }

  /** Passes on what is due. */
  deliver(): void {
    this.timer?.cancel();
    this.timer = null;
    if (this.to.destroyed) this.waiting = [];
    else if (this.isHeld()) return;
    const nowMs = this.clock.monotonicMs();
    for (let first = this.waiting[0]; first && first.dueMs - nowMs < MS_LEAST; first = this.waiting[0]) {
      this.waiting.shift();
      this.give(first.bytes);
    }
    const [next] = this.waiting;
    if (next) this.timer = this.clock.after(next.dueMs - nowMs, () => this.deliver());
    else if (this.isClosed) this.to.destroySoon();
    this.resumeIfRoom();
  }

  private give(bytes: Buffer | null): void {
    if (bytes === null) this.to.end();
    else {
      this.waitingBytes -= bytes.length;
      if (this.to.writable && !this.to.write(bytes)) this.from.pause();
    }
  }

  private resumeIfRoom(): void {
    if (this.waitingBytes <= WAITING_BYTES_MAX && !this.to.writableNeedDrain) this.from.resume();
  }
}
