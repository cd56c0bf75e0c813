// One end of a simulated connection, which behaves like a TCP socket.
import { Socket } from 'node:net';

/** Where this end's bytes go. */
export interface Outgoing {
  /** Accepts as many bytes as there is room for, and returns how many; if not all, calls `whenRoom` when there is room again. */
  send(bytes: Uint8Array, whenRoom: () => void): number;
  end(): void;
}

/** The error of a reset connection. */
export function reset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}

type Done = (error?: Error | null) => void;

/** Without timeouts: the machine's time means nothing in a run. */
export class MemorySocket extends Socket {
  private outgoing: Outgoing | null = null;
  private whenClosed: () => void = () => undefined;
  /** Writes from before the connection was established. */
  private early: (() => void)[] = [];
  private isEndThere = false;
  receivedBytes = 0;

  constructor(options: { allowHalfOpen: boolean }) {
    super(options);
    Object.assign(this, { connecting: true });
  }

  /** Connects it to its outgoing side; `whenClosed` is called at its end. */
  attach(outgoing: Outgoing, whenClosed: () => void): void {
    this.outgoing = outgoing;
    this.whenClosed = whenClosed;
  }

  /** The connection is established. */
  connected(): void {
    if (this.destroyed) return;
    Object.assign(this, { connecting: false });
    const early = this.early;
    this.early = [];
    for (const write of early) write();
    this.emit('connect');
    this.emit('ready');
  }

  /** Bytes from the other end. A closed end answers with a reset. */
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
    // Without a reader the end would never be seen.
    if (this.readableFlowing === null) this.resume();
  }

  override _read(): void {
    // Incoming bytes are pushed.
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
    // The other end can read everything that was sent, and gets an error when it writes.
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

  /** Passes parts to the network as far as it accepts them, and the rest later; nothing once this end is closed. */
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

/** A copy, because the writer may reuse the buffer. */
function bytesOf(chunk: Uint8Array | string, encoding: BufferEncoding): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk);
}

/** Fixed addresses for all simulated sockets; Node would ask the system each time. */
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
