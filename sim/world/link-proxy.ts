// One link between two parts: a listener in front of another that passes bytes on late, slowly, changed, or not at all, and counts the
// bytes of the near side.
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock, Timer } from '@doorsill/base/clock';
import { systemCode } from '@doorsill/base/disk';
import { integerBelow, type Random } from '@doorsill/base/random';
import { failure } from '../errors.ts';

/** The trouble of a link; none if all is absent. */
export interface LinkTrouble {
  /** `lost`: connections end and none is accepted; `half-open`: they stay, but their bytes are swallowed and no end is passed on. */
  gone?: 'lost' | 'half-open';
  /** Delay of each piece; at most `LINK_LATE_MS_MAX`. */
  delayMs?: number;
  /** Additional delay, drawn for each piece from 0 up to this; the order of bytes stays. */
  jitterMs?: number;
  /** Bytes a second in each direction of a connection. */
  bytesPerS?: number;
  /** The share of pieces, 0 to 1, in which one bit is flipped. */
  corrupt?: number;
}

/** The trouble as text, for people. */
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
  /** The address to listen on; default: the loopback address. */
  host?: string;
  /** Default: a free one. */
  port?: number;
  /** The only address that may connect; by default every address may. */
  near?: string;
  /** Called with the bytes that the near side sends, and with those that it is answered. Connections are numbered from 0. */
  heard?: (bytes: Uint8Array, connection: number) => void;
  answered?: (bytes: Uint8Array, connection: number) => void;
}

/** The longest delay. */
export const LINK_LATE_MS_MAX = 600_000;
/** With more waiting bytes, a side is not read until the other side has taken some. */
const WAITING_BYTES_MAX = 1_048_576;
const CONNECTIONS_MAX = 1_000;

/** A listener that passes connections on to a target, with trouble. */
export class LinkProxy {
  private readonly deps: LinkProxyDeps;
  private readonly target: () => string;
  private readonly options: LinkOptions;
  private readonly sockets = new Set<Socket>();
  /** Bytes on their way from the near side, by connection. */
  private readonly outgoing = new Set<DelayLine>();
  private joined = 0;
  /** Bytes that still pass from the near side before the link holds them back, and the call when it begins; null: all pass. */
  private hold: { leftBytes: number; begun: () => void } | null = null;
  private server: Server | null = null;
  private port = 0;
  private trouble: LinkTrouble = {};
  private sent = 0;

  /** `target`: the present target, as a URL with host and port. */
  constructor(deps: LinkProxyDeps, target: () => string, options: LinkOptions = {}) {
    this.deps = deps;
    this.target = target;
    this.options = options;
  }

  /** Bytes that the near side has sent since the start. */
  get sentBytes(): number {
    return this.sent;
  }

  /** Open connections of the near side. */
  get connections(): number {
    return [...this.sockets].filter(({ localPort }) => localPort === this.port).length;
  }

  /** The URL of this listener, with the target's scheme. */
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
    // Without delay: otherwise the kernel holds back a small part for 40 ms, while the world's time runs on.
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => this.join(near));
    server.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      // This listener stays: later errors are connections that could not be accepted, such as without a free descriptor.
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

  /** Sets its trouble from now on; waiting bytes keep their time. */
  set(trouble: LinkTrouble): void {
    // Bytes were swallowed, so no connection can continue.
    if (this.trouble.gone === 'half-open' && trouble.gone !== 'half-open') this.reset();
    this.trouble = trouble;
    if (trouble.gone === 'lost') this.cut();
  }

  /**
   * Accepts everything from the near side, but from the piece that reaches `afterBytes` on passes nothing on, nor an end, until `release`;
   * answers pass. Resolves when it begins to hold back. The near side only notices that no answer comes.
   */
  holdBack(afterBytes: number): Promise<void> {
    return new Promise((begun) => {
      this.hold = { leftBytes: afterBytes, begun };
    });
  }

  /** Passes on the bytes that were held back, and all that follow. */
  release(): void {
    this.hold = null;
    for (const line of this.outgoing) line.deliver();
  }

  private get isHolding(): boolean {
    return this.hold !== null && this.hold.leftBytes <= 0;
  }

  /** Ends all connections, as when the near side loses its power. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Resets all connections, as a router does that has forgotten them. */
  reset(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    this.cut();
    const { server } = this;
    this.server = null;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Counts the near side's bytes before they are passed on. */
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
    const outgoing = new DelayLine(this.deps.clock, near, far, () => this.isHolding);
    this.outgoing.add(outgoing);
    far.once('close', () => this.outgoing.delete(outgoing));
    this.pass(near, outgoing, (bytes) => {
      this.hear(bytes);
      heard?.(bytes, connection);
    });
    this.pass(far, new DelayLine(this.deps.clock, far, near), (bytes) => answered?.(bytes, connection));
  }

  /** Passes bytes from one side to the other, as the present trouble allows. */
  private pass(from: Socket, line: DelayLine, count: (bytes: Buffer) => void): void {
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
      // If the other side is gone, too, this only drops the waiting bytes.
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

/** Due times are compared to the microsecond, the resolution of clocks. */
const MS_LEAST = 0.001;

/** One direction of a connection: waiting pieces in order, each with the time at which it is due; null is the end. */
class DelayLine {
  readonly to: Socket;
  private readonly clock: Clock;
  private readonly from: Socket;
  private readonly isHeld: () => boolean;
  private waiting: { dueMs: number; bytes: Buffer | null }[] = [];
  private waitingBytes = 0;
  private lastDueMs = 0;
  private timer: Timer | null = null;
  private isClosed = false;

  /** `isHeld`: whether pieces are held back now; call `deliver` when that is over. */
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
    // While pieces are held back, more are still read.
    if (this.waitingBytes > WAITING_BYTES_MAX && !this.isHeld()) this.from.pause();
  }

  /** The sender is gone: ends the other side once it has everything. */
  close(): void {
    this.isClosed = true;
    this.deliver();
  }

  /** Passes on the pieces that are due. */
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
