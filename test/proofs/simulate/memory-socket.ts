// Owns: one end of a connection in a simulated world, which the rest takes for a TCP socket. Not here: when its bytes arrive (memory-network.ts).
import { Socket } from 'node:net';

/** Where what this end sends goes. */
export interface Outgoing {
  /** Takes as many of the bytes as there is room for, and says how many; if not all, it calls `whenRoom` when it takes more. */
  send(bytes: Uint8Array, whenRoom: () => void): number;
  end(): void;
}

/** The error of a connection that the other side, or the network, gave up. */
export function reset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}

type Done = (error?: Error | null) => void;

/** It has no time-outs of its own: the machine's time says nothing in a simulated world. */
export class MemorySocket extends Socket {
  private outgoing: Outgoing | null = null;
  private whenClosed: () => void = () => undefined;
  /** What was written before the connection was there. */
  private early: (() => void)[] = [];
  private isEndThere = false;
  /** What has arrived at this end. */
  receivedBytes = 0;

  constructor(options: { allowHalfOpen: boolean }) {
    super(options);
    Object.assign(this, { connecting: true });
  }

  /** Tells it where its bytes go, and whom to tell when it is closed. */
  attach(outgoing: Outgoing, whenClosed: () => void): void {
    this.outgoing = outgoing;
    this.whenClosed = whenClosed;
  }

  /** The connection is there. */
  connected(): void {
    if (this.destroyed) return;
    Object.assign(this, { connecting: false });
    const early = this.early;
    this.early = [];
    for (const write of early) write();
    this.emit('connect');
    this.emit('ready');
  }

  /** Bytes of the other end. Whoever sends to a closed end is told so. */
  arrive(bytes: Uint8Array): void {
    if (this.destroyed || this.isEndThere) return;
    this.receivedBytes += bytes.length;
    this.push(bytes);
  }

  /** The other end sends nothing more. */
  arriveEnd(): void {
    if (this.destroyed || this.isEndThere) return;
    this.isEndThere = true;
    this.push(null);
    // Someone who does not read would never hear of it.
    if (this.readableFlowing === null) this.resume();
  }

  override _read(): void {
    // What arrives is pushed.
  }

  override _write(chunk: Uint8Array | string, encoding: BufferEncoding, done: Done): void {
    this.put([bytesOf(chunk, encoding)], done);
  }

  override _writev(chunks: { chunk: Uint8Array | string; encoding: BufferEncoding }[], done: Done): void {
    this.put(
      chunks.map(({ chunk, encoding }) => bytesOf(chunk, encoding)),
      done,
    );
  }

  override _final(done: Done): void {
    this.whenThere(() => {
      this.outgoing?.end();
      done();
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.early = [];
    super._destroy(error, (thrown) => done(thrown));
    // The other end reads to the end of what was sent, and finds nobody when it writes.
    this.whenClosed();
  }

  override setNoDelay(): this {
    return this;
  }

  override setKeepAlive(): this {
    return this;
  }

  override ref(): this {
    return this;
  }

  override unref(): this {
    return this;
  }

  private put(parts: Uint8Array[], done: Done): void {
    this.whenThere(() => this.give(parts, done));
  }

  /** Gives parts to the network as far as it takes them, and the rest later; nothing once this end is closed. */
  private give([part, ...rest]: Uint8Array[], done: Done): void {
    if (!part || !this.outgoing) {
      done();
      return;
    }
    if (this.destroyed) return;
    const taken = this.outgoing.send(part, () => this.give([part.subarray(taken), ...rest], done));
    if (taken === part.length) this.give(rest, done);
  }

  private whenThere(write: () => void): void {
    if (this.connecting) this.early.push(write);
    else write();
  }
}

/** A copy: whoever wrote it may use the buffer again. */
function bytesOf(chunk: Uint8Array | string, encoding: BufferEncoding): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk);
}

/** What every socket here says of its place; Node's own would ask the system each time. */
Object.defineProperties(MemorySocket.prototype, {
  remoteAddress: { value: '127.0.0.1' },
  remoteFamily: { value: 'IPv4' },
  remotePort: { value: 1 },
  localAddress: { value: '127.0.0.1' },
  localPort: { value: 1 },
  setTimeout: {
    value(this: MemorySocket) {
      return this;
    },
  },
  bytesRead: {
    get(this: MemorySocket) {
      return this.receivedBytes;
    },
  },
});
