// Addresses that a camera is served at: parsing, grouping by port, listening, connection limits, UDP port pairs.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { BlockList, isIP, type Server, type Socket as TcpSocket } from 'node:net';
import type { Clock } from '@doorsill/base/clock';
import { systemCode } from '@doorsill/base/disk';
import { ConnectionLimit } from '@doorsill/base/http/connection-limit';
import type { Log } from '@doorsill/base/log';
import { failure } from '../errors.ts';

/** Endings of HTTP addresses, and what each serves. */
const HTTP_KINDS = ['mjpeg', 'mp4', 'jpg'] as const;
export type HttpKind = (typeof HTTP_KINDS)[number];

export interface ServedAddress {
  readonly kind: 'rtsp' | 'v4l2' | HttpKind;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** The address with its actual port. */
  urlAt(port: number): string;
}

const DEFAULT_PORTS = { 'rtsp:': 554, 'http:': 80 } as const;

/** Parses an address to serve at. Throws `camera_address_unserved`. */
export function parseAddressToServe(text: string): ServedAddress {
  const refused = (detail: string) =>
    failure('camera_address_unserved', { url: text.replace(/\/\/.*@/, '//***@'), detail });
  const node = /^v4l2:(.*)$/.exec(text)?.[1];
  if (node !== undefined) {
    if (!/^\/dev\/[\w/-]{1,100}$/.test(node)) throw refused('it names no node, such as v4l2:/dev/video9');
    return { kind: 'v4l2', host: '', port: 0, path: node, urlAt: () => text };
  }
  const url = URL.canParse(text) && !/\s/.test(text) ? new URL(text) : null;
  if (!url) throw refused('it is no URL');
  const { protocol, pathname: path } = url;
  if (protocol !== 'rtsp:' && protocol !== 'http:') throw refused(`it can't be served by ${protocol.replace(':', '')}`);
  if (url.username !== '' || url.password !== '')
    throw refused('who may watch is said with --user and --password-file');
  if (url.search !== '' || url.hash !== '') throw refused('it takes no ? and no #');
  if (path === '' || path === '/') throw refused('it needs a path, such as /porch');
  if (protocol === 'rtsp:' && path.endsWith('/')) throw refused('its path ends with a slash');
  const ending = HTTP_KINDS.find((kind) => path.endsWith(`.${kind}`));
  if (protocol === 'http:' && !ending) throw refused('over HTTP its path ends with .mjpeg, .mp4 or .jpg');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? DEFAULT_PORTS[protocol] : Number(url.port);
  const kind = protocol === 'rtsp:' ? 'rtsp' : (ending ?? 'mp4');
  return { kind, host, port, path, urlAt: (bound) => `${protocol}//${url.hostname}:${bound}${path}` };
}

/** Groups addresses by port, one server each; RTSP has one path a port. Throws `camera_address_unserved`. */
export function grouped(addresses: readonly ServedAddress[]): (readonly [ServedAddress, ...ServedAddress[]])[] {
  const groups = new Map<string, [ServedAddress, ...ServedAddress[]]>();
  for (const [at, address] of addresses.entries()) {
    const { kind, host, port, path } = address;
    if (kind === 'v4l2') {
      if (groups.has(path))
        throw failure('camera_address_unserved', { url: address.urlAt(0), detail: 'it is named twice' });
      groups.set(path, [address]);
      continue;
    }
    const place = port === 0 && kind === 'rtsp' ? `any ${at}` : `${host} ${port} ${kind === 'rtsp' ? 'rtsp' : 'http'}`;
    const group = groups.get(place);
    if (group && kind === 'rtsp')
      throw failure('camera_address_unserved', { url: address.urlAt(port), detail: 'one RTSP address a port' });
    if (group) group.push(address);
    else groups.set(place, [address]);
  }
  return [...groups.values()];
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether an address, or `localhost`, is reachable only from this machine. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  return isIP(host) !== 0 && loopback.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
}

/** Who may watch: clients with a login, or explicitly everybody. */
interface Watching {
  readonly hasLogin: boolean;
  readonly isOpenToAll: boolean;
}

/** Refuses an address that other machines reach without a login or `isOpenToAll`. Throws `camera_open_to_all`. */
export function assertMayServe(host: string, { hasLogin, isOpenToAll }: Watching): void {
  if (!hasLogin && !isOpenToAll && !isLoopback(host)) throw failure('camera_open_to_all', { host });
}

/** Listens; returns the port. Logs later errors, such as no free descriptor. Throws `port_in_use`, `camera_address_unserved`. */
export async function listenAt(
  server: Server,
  { host, port }: { host: string; port: number },
  log: Log,
): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening').catch((thrown: unknown) => {
    throw listenFailure(thrown, host, port);
  });
  server.on('error', (thrown) =>
    log.warn('the camera server could not accept a connection; others go on (EMFILE: raise ulimit -n)', {
      detail: thrown.message,
    }),
  );
  const bound = server.address();
  return bound !== null && typeof bound === 'object' ? bound.port : port;
}

const CONNECTIONS_MAX = 128;
/** The most connections that one address has, and how many are reserved for others than streams. */
const LIMITS = { connections: CONNECTIONS_MAX, connectionsPerAddress: 96, connectionsReserved: 32 };

/**
 * Bounds a server's connections. A new connection beyond the limit replaces the one that has waited longest for its client, so that
 * unfinished requests don't lock others out.
 */
export function limitConnections(server: Server): ConnectionLimit {
  const limit = new ConnectionLimit(LIMITS, () => false);
  // Accepted connections that are not yet counted.
  server.maxConnections = 2 * CONNECTIONS_MAX;
  server.on('connection', (socket) => limit.admit(socket));
  return limit;
}

/** A request listener. If an answer fails, only its own connection ends, and the error is logged. */
export function answering(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  log: Log,
): RequestListener {
  return (request, response) => {
    answer(request, response).catch((thrown: unknown) => {
      log.error('an HTTP request could not be answered, and its connection is ended', { detail: String(thrown) });
      response.destroy();
    });
  };
}

/** How long a viewer that got RTCP BYE over UDP may take to disconnect. */
const GOODBYE_MS_MAX = 1_000;
const GOODBYE_MS = 20;

/**
 * Closes a server and its connections once all written data is sent. A viewer that got its goodbye over UDP may disconnect first, for up to
 * a second: one that sees the connection end before the BYE takes that for an error.
 */
export async function endConnections(
  server: Server,
  connections: readonly { readonly socket: TcpSocket; readonly isToldElsewhere: boolean }[],
  clock: Clock,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const later = connections.filter(({ isToldElsewhere }) => isToldElsewhere);
  for (const { socket, isToldElsewhere } of connections) if (!isToldElsewhere) socket.destroySoon();
  const untilMs = clock.monotonicMs() + GOODBYE_MS_MAX;
  do await clock.sleep(GOODBYE_MS);
  while (later.some(({ socket }) => !socket.destroyed) && clock.monotonicMs() < untilMs);
  for (const { socket } of connections) socket.destroy();
  await closed;
}

/** The reason why a server cannot listen, as a failure with advice. */
export function listenFailure(thrown: unknown, host: string, port: number): unknown {
  const unserved = (detail: string) => failure('camera_address_unserved', { url: `${host}:${port}`, detail }, thrown);
  switch (systemCode(thrown)) {
    case 'EADDRINUSE':
      return failure('port_in_use', { port, host }, thrown);
    case 'EACCES':
      return unserved('this user may not listen there');
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return unserved('this machine has no such address');
    default:
      return thrown;
  }
}

/** Ports are tried in pairs, an even one and the next (RFC 3550 §11). */
const PORT_TRIES = 50;

/** Two adjacent UDP ports, for RTP and RTCP. `onReport` is called with the sender of each report, as `address:port`. */
export async function openPortPair(host: string, onReport: (from: string) => void): Promise<[Socket, Socket]> {
  for (let left = PORT_TRIES; left > 0; left -= 1) {
    const first = await bindUdp(host, 0);
    const { port } = first.address();
    const second = port % 2 === 0 ? await bindUdp(host, port + 1).catch(() => null) : null;
    if (second) {
      for (const socket of [first, second]) socket.on('error', () => undefined);
      second.on('message', (_report: Buffer, { address, port: from }: RemoteInfo) => onReport(`${address}:${from}`));
      return [first, second];
    }
    first.close();
  }
  throw failure('camera_address_unserved', { url: host, detail: 'no two UDP ports beside each other are free' });
}

/** A server's UDP ports, opened at the first use. `onReport` as in `openPortPair`. */
export class PortPair {
  private readonly address: Pick<ServedAddress, 'host'>;
  private readonly onReport: (from: string) => void;
  private readonly log: Log;
  private opened: Promise<[Socket, Socket] | null> | null = null;

  constructor(address: Pick<ServedAddress, 'host'>, onReport: (from: string) => void, log: Log) {
    this.address = address;
    this.onReport = onReport;
    this.log = log;
  }

  /** The open ports, or new ones. Null if none are free; the next call tries again. */
  open(): Promise<[Socket, Socket] | null> {
    this.opened ??= openPortPair(this.address.host, this.onReport).catch((thrown: unknown) => {
      this.log.warn('no UDP ports could be opened for a viewer, who can still watch over TCP', {
        detail: String(thrown),
      });
      this.opened = null;
      return null;
    });
    return this.opened;
  }

  async close(): Promise<void> {
    const sockets = await this.opened;
    this.opened = null;
    for (const socket of sockets ?? []) socket.close();
  }
}

async function bindUdp(host: string, port: number): Promise<Socket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.bind(port, host);
  try {
    await once(socket, 'listening');
    return socket;
  } catch (thrown) {
    socket.close();
    throw thrown;
  }
}
