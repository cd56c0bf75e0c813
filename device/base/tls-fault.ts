/**
 * `file`: a PEM file of ours cannot be used; `expired`, `early`, `host`, `authority`: the other side's certificate has expired, is not
 * valid yet, is for another host, is from an unknown authority; `version`: no TLS 1.3 there; `plain`: no TLS there, or every handshake is
 * ended; `refused`: the connection was ended after our certificate, or the lack of one, was seen.
 */
export type TlsFaultKind = 'file' | 'expired' | 'early' | 'host' | 'authority' | 'version' | 'plain' | 'refused';

/** Progress of a connection. */
export interface TlsProgress {
  connected: boolean;
  shaken: boolean;
  heard: boolean;
  ended: boolean;
}

/** Why there is no TLS session. */
export class TlsFault extends Error {
  readonly kind: TlsFaultKind;

  constructor(kind: TlsFaultKind, detail: string, cause?: unknown) {
    super(detail, cause === undefined ? undefined : { cause });
    this.name = 'TlsFault';
    this.kind = kind;
  }
}

const KINDS: Readonly<Record<string, TlsFaultKind>> = {
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'early',
  ERR_TLS_CERT_ALTNAME_INVALID: 'host',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'version',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'version',
  ERR_SSL_WRONG_VERSION_NUMBER: 'plain',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'plain',
};
/** OpenSSL's codes for a chain that does not end at a trusted authority (X509_STORE_CTX_get_error(3)). */
const CHAIN =
  /^(UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_|CERT_(SIGNATURE|CHAIN|REVOKED|UNTRUSTED|REJECTED)|INVALID_(CA|PURPOSE)|PATH_LENGTH)/;
/** OpenSSL's one-line error, with the reason as the last but two; Node's code is only EPROTO where a write failed because of it. */
const OPENSSL = /:SSL routines:[^:]*:([a-z0-9 ]+):/;
/** Alerts about a client's certificate (RFC 8446 §6.2). */
const ALERT = /^ERR_SSL_.*ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|DECRYPT)/;

/**
 * Why a TLS connection that ended with `error` (null: without one) failed; null when TLS was not at fault. `connected`: to the port;
 * `shaken`: our side of the handshake was complete; `heard`: data came after it; `ended`: by the other side.
 */
export function tlsFaultOf(error: Error | null, seen: TlsProgress): TlsFault | null {
  const reason = OPENSSL.exec(error?.message ?? '')?.[1];
  const code = reason ? `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}` : String(codeOf(error));
  const kind = KINDS[code] ?? (CHAIN.test(code) ? 'authority' : ALERT.test(code) ? 'refused' : null);
  const detail = reason ?? (CHAIN.test(code) ? code : error?.message || 'the connection was closed');
  if (kind) return new TlsFault(kind, detail, error);
  // Node silently ends a connection that it cannot verify, and a reset may hide an alert.
  const isCut = seen.ended || /^(ECONNRESET|EPIPE)$/.test(code);
  const isShut = isCut || code.startsWith('ERR_SSL_');
  if (seen.connected && !seen.shaken && isShut) return new TlsFault('plain', detail, error);
  return seen.shaken && !seen.heard && isCut ? new TlsFault('refused', detail, error) : null;
}

function codeOf(error: Error | null): unknown {
  return error && 'code' in error ? error.code : '';
}
