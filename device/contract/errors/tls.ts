// Owns: the failures of TLS. A link that meets one keeps trying, and never without TLS. Not here: the one closed table (../errors.ts).
import { machineFault, unreachable, unreachableForNow } from './kinds.ts';

export const tlsErrors = {
  tls_file_unusable: machineFault(
    500,
    'A TLS file cannot be used: {detail}',
    'Name PEM files that this user can read; a key must be unencrypted and belong to its certificate.',
  ),
  tls_certificate_expired: unreachable(
    503,
    'The certificate of {what} at {where} has expired.',
    'Renew it there. If it has not expired, set the clock of this machine.',
  ),
  tls_certificate_early: unreachableForNow(
    503,
    'The certificate of {what} at {where} is not valid yet.',
    'Set the clock of this machine; if it is right, the certificate is dated wrongly.',
  ),
  tls_wrong_host: unreachable(
    503,
    'The certificate of {what} at {where} is for another host: {detail}',
    'Use the name that is in the certificate, or have one made for this name.',
  ),
  tls_unknown_authority: unreachable(
    503,
    'The certificate of {what} at {where} is signed by no authority that is trusted here ({detail}).',
    "Name the file with its authority's certificate as `ca`. If that is set, somebody else may be answering there.",
  ),
  tls_version_old: unreachable(
    503,
    'The server that answers for {what} at {where} does not speak TLS 1.3.',
    'Update it or allow TLS 1.3 there; nothing older is spoken here.',
  ),
  tls_not_spoken: unreachableForNow(
    503,
    'No TLS session with {what} at {where}: {detail}',
    'Check that this port speaks TLS: mqtts usually has port 8883, mqtt without TLS 1883. It is never tried without.',
  ),
  tls_client_refused: unreachable(
    503,
    'The server that answers for {what} at {where} ended the connection after the TLS handshake: {detail}',
    'It may want a client certificate, or another one: set `certificate` and `key` to files it accepts.',
  ),
  timed_out: unreachableForNow(
    504,
    'No answer about {what} within {seconds} s.',
    'Check with `doorsill doctor`; running the same command again is safe.',
  ),
  interrupted: {
    http: 499,
    exit: 130,
    retryable: true,
    message: 'Stopped by {signal}.',
    advice: 'Run the command again to go on.',
  },
  internal: {
    http: 500,
    exit: 70,
    retryable: false,
    message: 'Something unexpected failed: {detail}',
    advice: 'This is a bug: report it with the text above.',
  },
} as const;
