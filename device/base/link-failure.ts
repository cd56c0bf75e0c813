import { type ErrorCode, type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { TlsFault, type TlsFaultKind } from './tls-fault.ts';

const TLS_CODES = {
  file: 'tls_file_unusable',
  expired: 'tls_certificate_expired',
  early: 'tls_certificate_early',
  host: 'tls_wrong_host',
  authority: 'tls_unknown_authority',
  version: 'tls_version_old',
  plain: 'tls_not_spoken',
  refused: 'tls_client_refused',
} as const satisfies Record<TlsFaultKind, ErrorCode>;

/**
 * Returns a function that makes the failures of a session with `what`. It takes `where` (the address without credentials), a detail that is
 * safe to show, and the kind of TLS fault, if it was one.
 */
export function linkFailure(what: string): (where: string, detail: string, fault?: TlsFaultKind) => Failure {
  return (where, detail, fault) =>
    failure(fault === undefined ? 'unreachable' : TLS_CODES[fault], { what, where, detail });
}

/** The result of `reading` TLS files; a fault in one is thrown as `tls_file_unusable`. */
export async function tlsFilesRead<Material>(reading: Promise<Material>): Promise<Material> {
  try {
    return await reading;
  } catch (thrown) {
    if (thrown instanceof TlsFault) throw failure('tls_file_unusable', { detail: thrown.message }, thrown);
    throw thrown;
  }
}

/** Why there is no session, and what to do about it, in one text; '' when that is not known. */
export function whyOffline(error: Error | null): string {
  if (isFailure(error)) return `${error.message} ${error.advice}`;
  return error?.message ?? '';
}
