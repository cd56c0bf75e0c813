// Owns: connections to the device's own server that stay open or say what no client would: raw requests, and views whose bytes are
// counted. Not here: calls as a browser makes them (console-rig.ts).
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A bare connection; TLS where the address asks for it. */
export function bareConnection(url: string): Socket {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return protocol === 'https:'
    ? connectTls({ port: Number(port), host, rejectUnauthorized: false })
    : connect(Number(port), host);
}

/** Sends bytes as they are; what came back until the connection was closed. */
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

/** A request that stays open, and all that has come of its answer. */
export class OpenView {
  readonly socket: Socket;
  /** How many bytes have come. */
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
    this.parts = [Buffer.concat(this.parts)];
    return this.parts[0] ?? Buffer.alloc(0);
  }

  /** Of its answer's first line; 0 before there is one. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.bytes.subarray(0, 20).toString('latin1'))?.[1] ?? 0);
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }

  /** Takes nothing more from the connection once that many bytes have come: sooner than any other part of a test could say so. */
  stallAfter(bytes: number): void {
    this.stallsAt = bytes;
  }

  /** Takes nothing more from the connection. */
  stall(): void {
    this.socket.pause();
  }
}

/** What makes a request an upgrade to a WebSocket (RFC 6455 §4.1). */
export const WEBSOCKET = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
} as const;
