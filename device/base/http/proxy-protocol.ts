// The client's address behind a proxy, by the PROXY protocol: the header before a connection's first request (haproxy.org, "The PROXY
// protocol", versions 1 and 2). Listed peers must send it; nobody else is believed.
import { isIPv4, isIPv6, type Server, type Socket } from 'node:net';
import type { Clock } from '../clock.ts';

/** The first bytes of version 2 (§2.2). */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_HEAD_BYTES = 16;
/** §2.1: the longest line of version 1, its end included. */
const V1_BYTES_MAX = 107;
/** Enough for addresses and a proxy's fields about TLS, without certificates. */
const V2_BODY_BYTES_MAX = 2_048;

/** A header's length, and the client's address; null: the connection is the proxy's own, such as a health check. */
interface ProxyHeader {
  bytes: number;
  source: string | null;
}

/** The header at the beginning of `seen`; 'more' when it is not complete yet, null when there is none. */
export function parseProxyHeader(seen: Buffer): ProxyHeader | 'more' | null {
  const asked = Math.min(seen.length, SIGNATURE.length);
  if (seen.subarray(0, asked).equals(SIGNATURE.subarray(0, asked))) {
    return seen.length < V2_HEAD_BYTES ? 'more' : readBinary(seen);
  }
  const line = seen.subarray(0, V1_BYTES_MAX).toString('latin1');
  const end = line.indexOf('\r\n');
  if (end >= 0) return readLine(line.slice(0, end));
  return 'PROXY '.startsWith(line.slice(0, 6)) && seen.length < V1_BYTES_MAX ? 'more' : null;
}

function readLine(line: string): ProxyHeader | null {
  const bytes = line.length + 2;
  if (/^PROXY UNKNOWN( |$)/.test(line)) return { bytes, source: null };
  const [, version, source = '', target = ''] = /^PROXY TCP([46]) (\S+) (\S+) \d{1,5} \d{1,5}$/.exec(line) ?? [];
  const isAddress = version === '4' ? isIPv4 : isIPv6;
  return version !== undefined && isAddress(source) && isAddress(target) ? { bytes, source } : null;
}

const LOCAL = 0x20;
const PROXY = 0x21;
/** By family and transport (§2.2): bytes of one address, and of both with their ports. */
const ADDRESSES = new Map([
  [0x11, { address: 4, all: 12 }],
  [0x21, { address: 16, all: 36 }],
]);

function readBinary(seen: Buffer): ProxyHeader | 'more' | null {
  const command = seen[12];
  const length = seen.readUInt16BE(14);
  if ((command !== LOCAL && command !== PROXY) || length > V2_BODY_BYTES_MAX) return null;
  const bytes = V2_HEAD_BYTES + length;
  if (seen.length < bytes) return 'more';
  const family = ADDRESSES.get(seen[13] ?? 0);
  // For other families, such as Unix sockets, the connection's own address is kept (§2.2).
  if (command === LOCAL || !family) return { bytes, source: null };
  if (length < family.all) return null;
  const source = seen.subarray(V2_HEAD_BYTES, V2_HEAD_BYTES + family.address);
  const groups = Array.from({ length: 8 }, (_, at) => (family.address === 16 ? source.readUInt16BE(at * 2) : 0));
  return { bytes, source: family.address === 4 ? source.join('.') : groups.map((each) => each.toString(16)).join(':') };
}

export interface ProxyHeaderOptions {
  clock: Clock;
  /** Whether an address is a proxy's, which must send a header. */
  isPeer: (address: string) => boolean;
  /** Longest wait for the header. */
  headerMs: number;
  /** Ends a connection of a peer that begins without a header. */
  refuse: (socket: Socket) => void;
}

/**
 * Reads the header before any other listener gets the connection; from then on its `remoteAddress` is the client's. To be called after all
 * listeners for connections were added. Returns a function that ends connections whose header has not come yet.
 */
export function takeProxyHeaders(server: Server, { clock, isPeer, headerMs, refuse }: ProxyHeaderOptions): () => void {
  const listeners = server.listeners('connection');
  const waiting = new Set<Socket>();
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const accept = () => {
      for (const listener of listeners) listener.call(server, socket);
    };
    if (!isPeer(socket.remoteAddress ?? '')) return accept();
    let seen: Buffer = Buffer.alloc(0);
    const drop = () => void socket.destroy();
    const deadline = clock.after(headerMs, drop);
    waiting.add(socket);
    const done = () => {
      deadline.cancel();
      waiting.delete(socket);
      socket.off('data', read).off('error', drop).off('end', drop).off('close', done);
    };
    const read = (piece: Buffer) => {
      seen = Buffer.concat([seen, piece]);
      const header = parseProxyHeader(seen);
      if (header === 'more') return;
      done();
      socket.pause();
      if (!header) return refuse(socket);
      if (header.source !== null) Object.defineProperty(socket, 'remoteAddress', { value: header.source });
      if (seen.length > header.bytes) socket.unshift(seen.subarray(header.bytes));
      accept();
      socket.resume();
    };
    socket.on('data', read).on('error', drop).on('end', drop).on('close', done);
  });
  return () => {
    for (const socket of waiting) socket.destroy();
  };
}
