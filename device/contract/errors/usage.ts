// Failures of every command and every link: usage, files, databases, ports, TLS, tokens.
import {
  machineFault,
  machineFaultForNow,
  notReachable,
  notReachableForNow,
  refused,
  unusableInput,
  wrongUsage,
} from './coded-error.ts';

export const usageErrors = {
  // usage
  usage: wrongUsage(
    400,
    'The command was not understood: {detail}',
    'See `doorsill help` or add --help to the command.',
  ),
  config_invalid: wrongUsage(
    400,
    'The configuration {file} is not valid: {detail}',
    'Correct the named setting; unknown settings are refused.',
  ),
  data_folder_foreign: wrongUsage(409, 'The folder {folder} is not one for this command: {detail}.', '{advice}'),
  file_unusable: machineFault(
    500,
    'A file or folder cannot be used: {detail}',
    'Name a place this user can read and write, or make this one so.',
  ),
  state_damaged: machineFault(
    500,
    'The file {file} is damaged or the wrong one: {detail}',
    'Put the right file back, from a backup if need be, or start over with a new data folder.',
  ),
  data_newer: machineFault(
    409,
    'The folder {folder} was written by a newer doorsill (format {format}; this version knows {known}).',
    'Use that version, or name another folder. Nothing was touched.',
  ),
  format_unwritten: machineFaultForNow(
    507,
    'The format of the folder {folder} could not be written into it: {detail}',
    'Free space or make it writable; it is tried again by itself, and the folder is used meanwhile.',
  ),
  backup_device_foreign: refused(
    409,
    'The backup is of {device}, and {folder} holds another device: {held}.',
    'Restore it into a new folder, or name the backup of the device that is there.',
  ),
  backup_unreadable: unusableInput(
    400,
    'The backup cannot be read: {detail}',
    'Name the file and the passphrase it was made with.',
  ),
  database_full: machineFaultForNow(
    507,
    'There is no space for the database {file}: {detail}',
    'Free space on that disk and start again; nothing in it was lost.',
  ),
  database_busy: machineFaultForNow(
    503,
    'Another program holds the database {file}: {detail}',
    'End that program, or wait until it is done, and start again.',
  ),
  database_unusable: machineFaultForNow(
    500,
    'The database {file} could not be opened or written: {detail}',
    'Check that this user may read and write its folder and that the disk works, and start again; nothing in it was lost.',
  ),
  database_driver_missing: machineFault(
    500,
    'The database driver better-sqlite3 cannot be loaded: {detail}.',
    'A doorbell runs without it; bridge, registry and vault need it for their files. On Node 22.14 or newer, install again with `--ignore-scripts`: it comes prebuilt for x86-64 and 64-bit Arm. On an older Node, install a C++ compiler, make and python3 (Debian: apt install g++ make python3), and run `npm rebuild better-sqlite3-v12 --ignore-scripts=false`. Or keep the rows in PostgreSQL (`database` in the settings).',
  ),
  database_unreachable: notReachableForNow(
    503,
    'The database {file} cannot be reached: {detail}',
    'Start it, or free one of its connections; a running server goes on by itself when it is back, and nothing acknowledged is lost.',
  ),
  database_unfit: machineFault(
    503,
    'The database {file} is not suitable: {detail}',
    'Correct its address, its user’s rights or its settings, and start again; nothing in it was changed.',
  ),
  port_in_use: machineFault(
    500,
    'Port {port} on {host} is in use.',
    'Stop what listens there, or choose another port.',
  ),
  not_running: notReachableForNow(
    503,
    'Nothing is running on the data folder {folder}.',
    'Start it with `npm start` or `doorsill up`, or name its folder with --data.',
  ),
  unreachable: notReachableForNow(
    503,
    'No usable answer from {what} at {where}: {detail}',
    'Check that it runs, that the address is right, and that nothing else answers there.',
  ),

  // tls
  tls_file_unusable: machineFault(
    500,
    'A TLS file cannot be used: {detail}',
    'Name PEM files that this user can read; a key must be unencrypted and belong to its certificate.',
  ),
  tls_certificate_expired: notReachable(
    503,
    'The certificate of {what} at {where} has expired.',
    'Renew it there. If it has not expired, set the clock of this machine.',
  ),
  tls_certificate_early: notReachableForNow(
    503,
    'The certificate of {what} at {where} is not valid yet.',
    'Set the clock of this machine; if it is right, the certificate is dated wrongly.',
  ),
  tls_wrong_host: notReachable(
    503,
    'The certificate of {what} at {where} is for another host: {detail}',
    'Use the name that is in the certificate, or have one made for this name.',
  ),
  tls_unknown_authority: notReachable(
    503,
    'The certificate of {what} at {where} is signed by no authority that is trusted here ({detail}).',
    "Name the file with its authority's certificate as `ca`. If that is set, somebody else may be answering there.",
  ),
  tls_version_old: notReachable(
    503,
    'The server that answers for {what} at {where} does not speak TLS 1.3.',
    'Update it or allow TLS 1.3 there; doorsill supports nothing older.',
  ),
  tls_not_spoken: notReachableForNow(
    503,
    'No TLS session with {what} at {where}: {detail}',
    'Check that this port speaks TLS: mqtts usually has port 8883, mqtt without TLS 1883. doorsill never tries without TLS.',
  ),
  tls_client_refused: notReachable(
    503,
    'The server that answers for {what} at {where} ended the connection after the TLS handshake: {detail}',
    'It may want a client certificate, or another one: set `certificate` and `key` to files it accepts.',
  ),
  timed_out: notReachableForNow(
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

  // token
  token_malformed: refused(400, 'The message is not a signed token.', 'Send a compact JWS as the contract describes.'),
  token_too_large: refused(413, 'The message is larger than 64 KiB.', 'Send less.'),
  token_wrong_type: refused(
    400,
    'The token has the wrong type for this use.',
    'Use the header {alg, typ} of the contract, with nothing else in it.',
  ),
  token_unknown_claims: refused(
    400,
    'The token has claims that are missing, unknown, out of limits, or not for this call.',
    'Send exactly the claims of the contract.',
  ),
  token_wrong_audience: refused(403, 'The token is addressed to somebody else.', 'Sign one for this reader.'),
  token_unknown_signer: refused(
    403,
    'The token is signed by a key that is not paired or pinned here.',
    'Pair the key with the device first.',
  ),
  token_bad_signature: refused(403, 'The signature does not fit the token.', 'Sign the exact bytes that are sent.'),
  token_expired: refused(403, 'The token has expired.', 'Sign a new one.'),
  message_retained: refused(
    400,
    'The message was retained by the broker; orders are never taken from storage.',
    'Publish it without the retain flag.',
  ),
  message_topic_mismatch: refused(
    400,
    'The topic and the signed message name different requests or actions.',
    'Publish it on its own topic.',
  ),
} as const;
