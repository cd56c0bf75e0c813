// A server that accepts only TLS 1.3, and the user name in a client's certificate.
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { TLS_VERSION_MIN } from '@doorsill/base/tls';

/** PEM texts, already validated. */
export interface TlsListenerOptions {
  certificate: string;
  key: string;
  /** Authority of client certificates. If set, a client needs a certificate, whose common name is the account's user name. */
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
      // A session resumed by a ticket skips the check of the certificate, which may have expired meanwhile.
      sessionTimeout: 1,
      ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
    },
    accept,
  );
  server.on('connection', opened);
  // A failed handshake must not end the process.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

/** The user name in a verified client certificate; null when there is none, or not exactly one. */
export function certificateUser(socket: TLSSocket): string | null {
  if (!socket.authorized) return null;
  const name = socket.getPeerX509Certificate()?.toLegacyObject().subject?.CN;
  return typeof name === 'string' ? name : null;
}
