// Which connections a server keeps when there are too many: a limit per address, a limit in total, and always room for a new one.
import type { Socket } from 'node:net';
import { networkOf } from './address-networks.ts';

/** Limits on simultaneous connections. */
export interface ConnectionLimits {
  /** In total. */
  connections: number;
  /** From one address (an IPv6 /64 is one); configured proxies are exempt. */
  connectionsPerAddress: number;
  /** This many of `connections` are kept free of long transfers, and the same share of each address's. */
  connectionsReserved: number;
}

interface Connection {
  /** Null for a proxy's connection, which many clients share. */
  network: string | null;
  /**
   * `waiting`: for the client, so it can be closed; `working`: the server is busy; `transfer`: of a clip, by or to an authenticated client.
   */
  state: 'waiting' | 'working' | 'transfer';
}

const limitOf = new WeakMap<Socket, ConnectionLimit>();
/** The TCP connection below each TLS connection. It is the one that is counted, because it exists before the handshake. */
const tcpBelow = new WeakMap<Socket, Socket>();

function tcpOf(socket: Socket): Socket {
  return tcpBelow.get(socket) ?? socket;
}

/** The connections of one server. A newcomer replaces the connection that has waited longest for its client. */
export class ConnectionLimit {
  private readonly limits: ConnectionLimits;
  private readonly isProxy: (address: string) => boolean;
  /** The connection that has waited longest comes first. */
  private readonly held = new Map<Socket, Connection>();

  constructor(limits: ConnectionLimits, isProxy: (address: string) => boolean) {
    this.limits = limits;
    this.isProxy = isProxy;
  }

  /** Accepts a connection, or ends it when no other can be closed for it. */
  admit(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const network = this.isProxy(address) ? null : networkOf(address);
    const isCrowded =
      network !== null &&
      this.count((connection) => connection.network === network) >= this.limits.connectionsPerAddress;
    if (isCrowded && !this.dropOldest(network)) return void socket.destroy();
    if (this.held.size >= this.limits.connections && !this.dropOldest(this.mostCrowded())) return void socket.destroy();
    this.held.set(socket, { network, state: 'waiting' });
    limitOf.set(socket, this);
    socket.once('close', () => this.held.delete(socket));
  }

  /** After a TLS handshake: finds the TCP connection below, by its peer, since Node does not name it. */
  secure(socket: Socket): void {
    const isBelow = (tcp: Socket) => tcp.remotePort === socket.remotePort && tcp.remoteAddress === socket.remoteAddress;
    const tcp = [...this.held.keys()].find(isBelow);
    if (tcp) tcpBelow.set(socket, tcp);
  }

  /** The whole request has arrived: the connection now waits for the server. */
  work(socket: Socket): void {
    const connection = this.held.get(tcpOf(socket));
    if (connection?.state === 'waiting') connection.state = 'working';
  }

  /** The answer is being sent: the connection now waits for the client, unless it is a transfer. */
  answer(socket: Socket): void {
    const connection = this.held.get(tcpOf(socket));
    if (connection?.state === 'working') connection.state = 'waiting';
  }

  /** The answer is complete: the connection waits for its next request, as the newest of all. */
  wait(socket: Socket): void {
    const tcp = tcpOf(socket);
    const connection = this.held.get(tcp);
    if (!connection || !this.held.delete(tcp)) return;
    this.held.set(tcp, { ...connection, state: 'waiting' });
  }

  /** A clip is sent over it: the connection is kept, as long as transfers leave room for others. */
  transfer(socket: Socket): void {
    const connection = this.held.get(tcpOf(socket));
    if (!connection) return;
    const { connections, connectionsPerAddress, connectionsReserved } = this.limits;
    const share = 1 - connectionsReserved / connections;
    const isTransfer = ({ state }: Connection) => state === 'transfer';
    const isRoom = this.count(isTransfer) < connections * share;
    const ofNetwork = this.count((other) => isTransfer(other) && other.network === connection.network);
    const isOwnRoom = connection.network === null || ofNetwork < connectionsPerAddress * share;
    connection.state = isRoom && isOwnRoom ? 'transfer' : 'waiting';
  }

  private count(which: (connection: Connection) => boolean): number {
    return [...this.held.values()].filter(which).length;
  }

  /** The network with the most connections that can be closed; undefined when there is none. */
  private mostCrowded(): string | null | undefined {
    const counts = new Map<string | null, number>();
    for (const { network, state } of this.held.values()) {
      if (state === 'waiting') counts.set(network, (counts.get(network) ?? 0) + 1);
    }
    const [most] = [...counts].sort(([, one], [, other]) => other - one);
    return most?.[0];
  }

  /** Closes the connection of a network that has waited longest; false when none waits. */
  private dropOldest(network: string | null | undefined): boolean {
    for (const [socket, connection] of this.held) {
      if (connection.network !== network || connection.state !== 'waiting') continue;
      // Removed at once: the close event comes later.
      this.held.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }
}

/** Marks a connection as carrying a clip, by or to an authenticated client. */
export function keepForTransfer(socket: Socket | null): void {
  if (socket) limitOf.get(tcpOf(socket))?.transfer(socket);
}

/** Resets a connection rather than closing it: what the kernel has not sent yet is dropped (RFC 9293 §3.10.4, ABORT). */
export function resetConnection(socket: Socket | null): void {
  if (!socket) return;
  tcpOf(socket).resetAndDestroy();
  socket.destroy();
}
