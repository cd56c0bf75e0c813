import { systemCode } from '@doorsill/base/disk';
import { type ErrorCode, type Failure, failure, isFailure } from '@doorsill/contract/errors';

/** By SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html) or the system's own code; the first match applies. */
const FAULTS: readonly [RegExp, ErrorCode][] = [
  [/^(53100|ENOSPC)$/, 'database_full'],
  [/^55P03$/, 'database_busy'],
  // The server is shutting down, starting up, out of connections, or has disconnected this process, which may have been frozen.
  [/^(08...|53[23]00|57P0.|57014|25P03)$/, 'database_unreachable'],
  [/^(E(CONN|HOST|NET|PIPE|TIMEDOUT|NOTFOUND|AI_)|ENOENT$)/, 'database_unreachable'],
  // Wrong user, wrong database, or missing rights; a standby.
  [/^(28...|3D000|42501|25006|0A000)$/, 'database_unfit'],
  [/^(EACCES|ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/, 'database_unfit'],
  [/^58...$/, 'database_unusable'],
  [/^XX00[12]$/, 'state_damaged'],
  // A zero byte, which PostgreSQL cannot store in a text.
  [/^22021$/, 'http_body_invalid'],
];

/** Messages of the client library that have no code. */
const LOST = /^(Connection terminated|timeout expired|Query read timeout|Client (was closed|has encountered))/;
const UNFIT = /does not support SSL|^SASL: /;

/** The coded failure for an error from the database `where`; null for a bug of ours. */
export function postgresFault(thrown: unknown, where: string): Failure | null {
  if (isFailure(thrown)) return thrown;
  if (!(thrown instanceof Error)) return null;
  const code = systemCode(thrown) ?? '';
  const facts = { file: where, detail: thrown.message || code };
  const found = FAULTS.find(([form]) => form.test(code))?.[1];
  if (found) return failure(found, facts, thrown);
  if (LOST.test(thrown.message)) return failure('database_unreachable', facts, thrown);
  return UNFIT.test(thrown.message) ? failure('database_unfit', facts, thrown) : null;
}

/** Whether the connection that raised this is unusable. */
export function isLost(fault: Failure): boolean {
  return fault.code === 'database_unreachable';
}
