// Owns: connections and listeners as a seam, so that a simulation can own every byte between parts. Absent: the machine's own network.
// Not here: TLS (tls.ts), what is said on a connection.
import type { Server, Socket } from 'node:net';

/** Where a connection leads: a TCP port, or a socket in the file system. */
export type NetworkPlace = { readonly host: string; readonly port: number } | { readonly path: string };

/** A network besides the machine's. No setting, argument or variable selects one: a program that composes parts passes it. */
export interface Network {
  /** A connection on its way: it emits `connect`, or `error` and `close`. */
  connect(to: NetworkPlace): Socket;
  /** Makes a server that does not listen yet listen on this network: its `listen`, `address` and `close` work as they do elsewhere. */
  adopt(server: Server): void;
}
