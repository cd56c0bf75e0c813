// Raw connections to the device's own server: requests that no client would make, and views that stay open and count their bytes.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A raw connection; with TLS for an https address. */
export function bareConnection(url: string): Socket {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return protocol === 'https:'
    ? connectTls({ port: Number(port), host, rejectUnauthorized: false })
    : connect(Number(port), host);
}

/** Sends raw bytes; returns the answer up to the end of the connection. */
export function exchange(url: string, request: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = bareConnection(url);
    let heard = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1');
    });
    socket.on('close', () => resolve(heard));
    socket.write(request);
  });
}

/** A request that stays open, and its answer so far. */
export class OpenView {
  readonly socket: Socket;
  /** Number of received bytes. */
  received = 0;
  private parts: Buffer[] = [];
  private stallsAt = Number.POSITIVE_INFINITY;
  isOpen = true;
  /** Resolves when the connection is closed or reset. */
  readonly closed: Promise<void>;

  constructor(url: string, path: string, headers: Record<string, string>) {
    this.socket = bareConnection(url);
    this.socket.on('error', () => undefined);
    this.socket.on('data', (part: Buffer) => {
      this.received += part.length;
      this.parts.push(part);
      if (this.received >= this.stallsAt) this.stall();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.isOpen = false;
        resolve();
      });
    });
    const lines = Object.entries({ host: new URL(url).host, ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    this.socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  }

  get bytes(): Buffer {
    if (this.parts.length > 1) this.parts = [Buffer.concat(this.parts)];
    return this.parts[0] ?? Buffer.alloc(0);
  }

  /** Status of the answer; 0 before it arrives. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.bytes.subarray(0, 20).toString('latin1'))?.[1] ?? 0);
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }

  /** Stops reading once this many bytes were received, sooner than the test itself could. */
  stallAfter(bytes: number): void {
    this.stallsAt = bytes;
  }

  /** Stops reading. */
  stall(): void {
    this.socket.pause();
  }
}

/** The headers of an upgrade to a WebSocket (RFC 6455 §4.1). */
export const WEBSOCKET = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
} as const;
