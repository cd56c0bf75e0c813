// Owns: the broker's TLS side: a server that accepts TLS 1.3 only, and identifying a client by its certificate.
// Not here: what a client may do (account-login.ts), MQTT (broker.ts).
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { TLS_VERSION_MIN } from '@doorsill/base/tls';

/** PEM texts, already checked. */
export interface TlsListenerOptions {
  certificate: string;
  key: string;
  /** Authority of client certificates. Set: a client must have one, and its common name is the account's user name. */
  clientCa?: string | undefined;
}

const HANDSHAKE_MS_MAX = 10_000;

/** A server that calls `opened` with each raw connection (to be ended with the server) and `accept` once TLS is up. */
export function makeTlsServer(
  options: TlsListenerOptions & { highWaterMark: number },
  opened: (raw: Socket) => void,
  accept: (socket: TLSSocket) => void,
) {
  const { certificate, key, clientCa, highWaterMark } = options;
  const server = createServer(
    {
      cert: certificate,
      key,
      minVersion: TLS_VERSION_MIN,
      handshakeTimeout: HANDSHAKE_MS_MAX,
      highWaterMark,
      noDelay: true,
      // A session resumed by a ticket skips the certificate check, and the certificate may have expired since.
      sessionTimeout: 1,
      ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
    },
    accept,
  );
  server.on('connection', opened);
  // A failed handshake concerns only that client; it must not end the process.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

/** The user name in a verified client certificate; null when there is none, or not exactly one. */
export function certificateUser(socket: TLSSocket): string | null {
  if (!socket.authorized) return null;
  const name = socket.getPeerX509Certificate()?.toLegacyObject().subject?.CN;
  return typeof name === 'string' ? name : null;
}
