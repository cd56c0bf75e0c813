// Connections and listeners as a seam, so that a simulation can own every byte between parts. Absent: the machine's own network.
import type { Server, Socket } from 'node:net';

/** Where a connection leads: a TCP port, or a socket in the file system. */
export type NetworkPlace = { readonly host: string; readonly port: number } | { readonly path: string };

/** A network other than the machine's. No setting, argument or variable selects one: a program that composes parts passes it. */
export interface Network {
  /** A connection on its way: it emits `connect`, or `error` and `close`. */
  connect(to: NetworkPlace): Socket;
  /** Makes a server that does not listen yet use this network: its `listen`, `address` and `close` work as usual. */
  adopt(server: Server): void;
}
