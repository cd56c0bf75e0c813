// Owns: the one closed table of expected failures, for every part and every language that speaks the contract. Pure.
// ERRORS.md beside this file prints the same table for readers; a test keeps the two equal.
import { CodedError, type ErrorRule } from '../base/coded-error.ts';
import type { TokenFault } from './jws.ts';

const rule = (http: number, exit: number, retryable: boolean, message: string, advice: string): ErrorRule => ({
  message,
  advice,
  retryable,
  http,
  exit,
});

/** Exit statuses: 2 wrong usage, 3 refused by a rule, 4 not reachable, 5 this machine, 6 unusable input. */
export const ERRORS = {
  // Usage and configuration
  usage: rule(
    400,
    2,
    false,
    'The command was not understood: {detail}',
    'See `doorsill help` or add --help to the command.',
  ),
  config_invalid: rule(
    400,
    2,
    false,
    'The configuration {file} is not valid: {detail}',
    'Correct the named setting; unknown settings are refused.',
  ),
  data_folder_foreign: rule(
    409,
    2,
    false,
    'The folder {folder} does not belong to this command: {detail}',
    'Name an empty folder or the one this command made.',
  ),
  file_unusable: rule(
    500,
    5,
    false,
    'A file or folder cannot be used: {detail}',
    'Name a place this user can read and write, or make this one so.',
  ),
  data_folder_locked: rule(
    409,
    5,
    false,
    'The folder {folder} is in use by process {pid}.',
    'Stop that process first, or name another folder.',
  ),
  state_damaged: rule(
    500,
    5,
    false,
    'The file {file} is damaged: {detail}',
    'Restore it from a backup, or start over with a new data folder.',
  ),
  data_newer: rule(
    409,
    5,
    false,
    'The folder {folder} was written by a newer doorsill (format {format}, this one knows {known}).',
    'Use that version, or name another folder. Nothing was touched.',
  ),
  backup_unreadable: rule(
    400,
    6,
    false,
    'The backup cannot be read: {detail}',
    'Name the file and the passphrase it was made with.',
  ),
  port_in_use: rule(
    500,
    5,
    false,
    'Port {port} on {host} is in use.',
    'Stop what listens there, or choose another port.',
  ),
  not_running: rule(
    503,
    4,
    true,
    'Nothing is running on the data folder {folder}.',
    'Start it with `npm start` or `doorsill up`, or name its folder with --data.',
  ),
  unreachable: rule(
    503,
    4,
    true,
    'Could not reach {what} at {where}: {detail}',
    'Check that it runs and that the address is right.',
  ),
  timed_out: rule(
    504,
    4,
    true,
    'No answer about {what} within {seconds} s.',
    'Check with `doorsill doctor`; running the same command again is safe.',
  ),
  interrupted: rule(499, 130, true, 'Stopped by {signal}.', 'Run the command again to go on.'),
  internal: rule(
    500,
    70,
    false,
    'Something unexpected failed: {detail}',
    'This is a bug: report it with the text above.',
  ),

  // ffmpeg and cameras
  ffmpeg_missing: rule(
    500,
    5,
    false,
    'No usable ffmpeg: {detail}',
    'Install ffmpeg 5.1.1 or newer, run npm install again for the bundled one, or set FFMPEG_PATH.',
  ),
  ffmpeg_failed: rule(500, 5, true, 'ffmpeg failed while {doing}: {detail}', 'Run with --log debug for its own words.'),
  camera_unsupported: rule(
    400,
    2,
    false,
    'The camera {source} is not of a known kind.',
    'Use synthetic, file:PATH or rtsp://HOST/PATH.',
  ),
  camera_not_found: rule(404, 6, false, 'The camera {source} does not exist.', 'Check the path or address.'),
  camera_unreachable: rule(
    503,
    4,
    true,
    'The camera {source} does not answer: {detail}',
    'Check its power, network and credentials; recording goes on by itself when it is back.',
  ),
  camera_no_video: rule(
    422,
    6,
    false,
    'The camera {source} has no video that can be decoded: {detail}',
    'Use a source with a video stream.',
  ),
  camera_refused_format: rule(
    422,
    6,
    false,
    'The file {source} is not plain media: {detail}',
    'Playlists, scripts and manifests are never opened; use the media file itself.',
  ),
  camera_failed: rule(
    500,
    5,
    true,
    'The camera {source} failed (tries in a row: {times}): {detail}',
    'Look at the source; restart the device when it is mended.',
  ),
  fragment_malformed: rule(
    422,
    6,
    false,
    'The capture stream is malformed: {detail}',
    'The capture restarts by itself; if it goes on, check the source.',
  ),

  // Ring
  ring_too_small: rule(
    400,
    2,
    false,
    'A ring of {bytes} bytes cannot hold {what}.',
    'Give it at least {leastBytes} bytes.',
  ),
  ring_full_disk: rule(
    507,
    5,
    true,
    'No space for the ring at {path}.',
    'Free space on that disk or make the ring smaller; recording goes on when there is room.',
  ),
  ring_write_failed: rule(
    500,
    5,
    true,
    'The ring at {path} could not be written: {detail}',
    'Check the disk; presses and consent go on, recording resumes when writing works.',
  ),
  ring_key_lost: rule(
    500,
    5,
    false,
    'The ring at {path} was sealed with another key.',
    'Restore the key beside it, or reset the ring; its footage cannot be read without the key.',
  ),

  // Tokens on the wire: who said it cannot be established, so these are counted and never answered
  token_malformed: rule(
    400,
    3,
    false,
    'The message is not a signed token.',
    'Send a compact JWS as the contract describes.',
  ),
  token_too_large: rule(413, 3, false, 'The message is larger than 64 KiB.', 'Send less.'),
  token_wrong_type: rule(
    400,
    3,
    false,
    'The token is of another type than this place takes.',
    'Use the header {alg, typ} of the contract, with nothing else in it.',
  ),
  token_unknown_claims: rule(
    400,
    3,
    false,
    'The token has claims that are missing, unknown or out of limits.',
    'Send exactly the claims of the contract.',
  ),
  token_wrong_audience: rule(403, 3, false, 'The token is addressed to somebody else.', 'Sign one for this reader.'),
  token_unknown_signer: rule(
    403,
    3,
    false,
    'The token is signed by a key that is not paired or pinned here.',
    'Pair the key with the device first.',
  ),
  token_bad_signature: rule(
    403,
    3,
    false,
    'The signature does not fit the token.',
    'Sign the exact bytes that are sent.',
  ),
  token_expired: rule(403, 3, false, 'The token has expired.', 'Sign a new one.'),
  message_retained: rule(
    400,
    3,
    false,
    'The message was retained by the broker; orders are never taken from storage.',
    'Publish it without the retain flag.',
  ),
  message_topic_mismatch: rule(
    400,
    3,
    false,
    'The topic and the signed message name different requests or actions.',
    'Publish it on its own topic.',
  ),

  // Consent: signed by a paired owner, but not to be obeyed
  consent_request_unknown: rule(
    404,
    3,
    false,
    'This device has no such open request.',
    'List the open ones with `doorsill request --list`.',
  ),
  consent_request_changed: rule(
    409,
    3,
    false,
    'The grant was made for other bytes of this request.',
    'Read the request again and decide anew.',
  ),
  consent_request_expired: rule(410, 3, false, 'The request has expired.', 'Nothing to do; the agency must ask again.'),
  consent_request_cancelled: rule(410, 3, false, 'The request was cancelled or resolved.', 'Nothing to do.'),
  consent_credential_expired: rule(
    403,
    3,
    true,
    "The agency's credential has expired.",
    'Wait until the bridge publishes a fresh one, then grant again.',
  ),
  consent_credential_invalid: rule(
    403,
    3,
    false,
    "The agency's credential is not the registry's, or is for another key.",
    'Do not answer this request.',
  ),
  consent_agency_revoked: rule(403, 3, false, "The agency's access has been revoked.", 'Do not answer this request.'),
  consent_agency_ineligible: rule(
    403,
    3,
    false,
    'Agencies of this jurisdiction are not served.',
    'Do not answer this request.',
  ),
  consent_revocations_stale: rule(
    503,
    3,
    true,
    "The registry's revocation list is missing or expired on this device.",
    'Check the area link; grants wait until a fresh list has arrived.',
  ),
  consent_wrong_recipient: rule(
    403,
    3,
    false,
    "The grant names a recipient that is not the request's agency.",
    'Grant to the agency that signed the request.',
  ),
  consent_recipient_unsupported: rule(
    400,
    3,
    false,
    'This kind of recipient cannot be served for this request.',
    'Grant to the agency.',
  ),
  consent_window_outside: rule(
    400,
    3,
    false,
    "The granted window is not inside the request's.",
    'Choose a window inside; it is never cut to fit.',
  ),
  consent_window_too_short: rule(400, 3, false, 'The granted window holds no frame.', 'Choose a longer window.'),
  consent_window_future: rule(400, 3, true, 'The granted window lies in the future.', 'Wait until it has passed.'),
  consent_window_no_footage: rule(
    404,
    3,
    false,
    'The device has no footage of the granted window.',
    'See what it has with `doorsill watch --once`.',
  ),
  consent_window_ambiguous: rule(
    409,
    3,
    false,
    'The clock was not trustworthy or jumped inside the granted window.',
    'Choose a window that does not touch that span.',
  ),
  consent_disclosure_beyond: rule(
    400,
    3,
    false,
    'The grant discloses more than the request asks for.',
    'Leave out what was not asked.',
  ),
  consent_disclosure_missing: rule(
    400,
    3,
    false,
    'The device holds no value for {key}, so it cannot disclose it.',
    'Set it on the device, or leave it out.',
  ),
  consent_grant_expired: rule(403, 3, false, 'The grant had expired when it arrived.', 'Sign a new one.'),
  consent_grant_lifetime: rule(400, 3, false, 'The grant lives longer than 7 days.', 'Sign one that expires sooner.'),
  consent_not_yet_valid: rule(
    400,
    3,
    false,
    'The message is dated in the future.',
    'Set the clock of the machine that signs.',
  ),
  consent_before_restore: rule(
    409,
    3,
    false,
    'This was signed before the device was restored from a backup, or within five minutes after.',
    'Sign it again once five minutes have passed since the restore.',
  ),
  consent_too_old: rule(400, 3, false, 'The message was signed too long ago.', 'Sign a new one.'),
  consent_replayed: rule(
    409,
    3,
    false,
    'This id was already used for another message.',
    'Sign a new message with a fresh id.',
  ),
  consent_already_granted: rule(
    409,
    3,
    false,
    'Another grant already acts on this request.',
    'Nothing to do, or revoke that one first.',
  ),
  consent_denied_before: rule(
    409,
    3,
    false,
    'The request was denied before; a no stays a no.',
    'Nothing to do; the agency must ask again.',
  ),
  consent_deny_after_grant: rule(
    409,
    3,
    false,
    'The request is already granted; a denial comes too late.',
    'Revoke the grant instead.',
  ),
  consent_nothing_to_revoke: rule(
    404,
    3,
    false,
    'No such grant acts on this device.',
    'See the open ones with `doorsill request --list`.',
  ),
  consent_revoked_before: rule(
    409,
    3,
    false,
    'This grant was revoked; it cannot come back.',
    'Sign a new grant if you changed your mind.',
  ),
  consent_clock_untrusted: rule(
    503,
    3,
    true,
    'The device does not trust its clock, so it grants nothing.',
    'Wait for time synchronisation, or send the signed command that resets the clock mark.',
  ),
  consent_zones_unsupported: rule(
    400,
    3,
    false,
    'These redaction zones cannot be applied to this stream: {detail}',
    'Grant without zones or with other ones.',
  ),
  consent_ledger_damaged: rule(
    500,
    5,
    false,
    "The device's ledger does not verify: {detail}",
    'Nothing is granted until the ledger is whole; restore it, or reset the device.',
  ),
  consent_storage_failed: rule(
    507,
    5,
    true,
    'The decision could not be stored, so it does not count.',
    'Free space on the device and send it again.',
  ),
  consent_revocation_unrecorded: rule(
    507,
    5,
    true,
    'The revocation acts and outlives a restart, but the ledger has no room to record it.',
    'Free space on the device; it is recorded by itself then.',
  ),
  consent_too_many: rule(
    429,
    3,
    true,
    'Too many open requests or grants on this device.',
    'Wait until some have ended.',
  ),
  owner_unknown: rule(404, 3, false, 'No such owner is paired.', 'List them with `doorsill pair --list`.'),
  owner_known: rule(409, 3, false, 'That key is already paired.', 'Nothing to do.'),
  owner_last: rule(409, 3, false, 'The last owner cannot be removed.', 'Add another owner first, or reset the device.'),
  owner_too_many: rule(409, 3, false, 'The device has as many owners as it can have.', 'Remove one first.'),
  pairing_locked: rule(
    423,
    3,
    true,
    'Pairing is locked after too many failures.',
    'Press the button on the device to unlock it.',
  ),
  pairing_refused: rule(
    403,
    3,
    false,
    'Pairing was refused: {detail}',
    'Pair on the same machine, as the user that runs the device.',
  ),

  // Clip
  clip_no_frames: rule(
    404,
    3,
    false,
    'The window holds no whole frame of footage.',
    'Choose a window that the ring covers.',
  ),
  clip_not_exact: rule(
    500,
    3,
    false,
    'The clip could not be made exact: {detail}',
    'Nothing was sent. Choose another window; report this with the camera model.',
  ),
  clip_check_failed: rule(
    500,
    3,
    false,
    'The finished clip failed its check: {detail}',
    'Nothing was sent. This is a bug or a damaged disk: report it.',
  ),
  clip_over_limit: rule(
    413,
    3,
    false,
    'The clip is larger than the grant allows: {detail}',
    'Grant a shorter window or a higher limit.',
  ),
  clip_stream_changed: rule(
    409,
    3,
    false,
    'The camera changed its picture inside the window.',
    'Choose a window on one side of the change.',
  ),
  grant_dead: rule(410, 3, false, 'The grant is not alive any more: {detail}', 'Nothing was sent after it ended.'),

  // Upload
  outbox_full: rule(
    507,
    5,
    true,
    'No space for the clip at {path}.',
    'Free space on the device; the clip is made when there is room.',
  ),
  outbox_unusable: rule(
    500,
    5,
    true,
    'The clip at {path} could not be written or read: {detail}',
    'Check the disk; it is tried again by itself.',
  ),
  outbox_damaged: rule(
    500,
    5,
    false,
    'The sealed clip {grant} does not verify any more.',
    'It is not sent. The grant must be given again.',
  ),
  upload_unreachable: rule(
    503,
    4,
    true,
    'The bridge cannot be reached: {detail}',
    'The upload goes on by itself when it is back.',
  ),
  upload_rejected: rule(403, 3, false, 'The bridge refused the clip: {code}', 'See what the code says.'),
  device_moved: rule(
    409,
    3,
    false,
    'The device is not enrolled with {bridge} any more, which the clip was for.',
    'Nothing of it goes to another bridge; enrol with that one again to settle it.',
  ),

  // Bridge
  http_body_invalid: rule(400, 2, false, 'The request body is not valid: {detail}', 'Send what the API describes.'),
  http_not_found: rule(404, 2, false, 'There is nothing at this address.', 'Check the path.'),
  http_unauthorised: rule(401, 3, false, 'This needs a signed token.', 'Send `Authorization: Bearer TOKEN`.'),
  http_rate_limited: rule(429, 4, true, 'Too many requests.', 'Slow down and try again.'),
  enrolment_code_invalid: rule(
    403,
    3,
    false,
    'The enrolment code is unknown, used or expired.',
    'Print a new one with `doorsill bridge enrol`.',
  ),
  enrolment_key_mismatch: rule(
    403,
    3,
    false,
    'The bridge or registry is not the one the code names.',
    'Do not go on; get a new code from the operator you trust.',
  ),
  device_not_enrolled: rule(403, 3, false, 'The bridge does not know this device.', 'Enrol it first.'),
  agency_unknown: rule(403, 3, false, 'The registry knows no such agency.', 'Register the agency first.'),
  agency_federal: rule(
    403,
    3,
    false,
    'Federal agencies and their local branches are not served.',
    'Footage is for verified local agencies only.',
  ),
  agency_ineligible: rule(
    403,
    3,
    false,
    'This agency cannot be served: {detail}',
    'Verified municipal and county agencies with a domain of their own are.',
  ),
  agency_pending: rule(403, 3, true, 'The registry has not approved this agency yet.', 'Wait for the approval.'),
  agency_revoked: rule(403, 3, false, "The agency's access is revoked.", 'Only the registry can reinstate it.'),
  request_limits: rule(422, 3, false, 'The request breaks a limit: {detail}', 'Change it and sign it again.'),
  request_exists: rule(
    409,
    3,
    false,
    'A request with this id exists with other content.',
    'Use a fresh id; published requests are never edited.',
  ),
  request_not_live: rule(410, 3, false, 'The request is not open on this bridge.', 'Nothing to do.'),
  intake_manifest_invalid: rule(
    422,
    3,
    false,
    'The manifest is not acceptable: {detail}',
    'The device must make the clip anew under a valid grant.',
  ),
  intake_grant_invalid: rule(
    403,
    3,
    false,
    "The owner's grant is not acceptable: {detail}",
    'The owner must grant anew.',
  ),
  intake_conflict: rule(
    409,
    3,
    false,
    'This grant already has another clip here.',
    'One grant, one clip: nothing to do.',
  ),
  intake_revoked: rule(410, 3, false, 'The grant was revoked; the clip is deleted.', 'Nothing to do.'),
  intake_token_invalid: rule(
    403,
    3,
    false,
    'The upload token is not acceptable: {detail}',
    'The device must present a token for exactly this clip.',
  ),
  intake_length: rule(413, 3, false, 'The upload is not of the announced length.', 'Send exactly the announced bytes.'),
  intake_hash: rule(
    422,
    3,
    false,
    'The uploaded bytes do not have the announced hash.',
    'The staged part was deleted; the device sends it again.',
  ),
  intake_offset: rule(
    409,
    4,
    true,
    'The upload goes on at another offset than this one.',
    'Ask with HEAD where it goes on.',
  ),
  intake_structure: rule(
    422,
    3,
    false,
    'The clip is not a plain recording: {detail}',
    'It was deleted; report this with the device version.',
  ),
  intake_full: rule(507, 4, true, 'The bridge has no space.', 'It is tried again later.'),
  clip_unknown: rule(404, 3, false, 'There is no such clip for you.', 'Check the id.'),
  credential_unavailable: rule(
    503,
    4,
    true,
    'The registry has no fresh credential for this agency.',
    'Try again when the registry can be reached.',
  ),

  // The body: buttons, chime, shutter
  button_unknown: rule(404, 3, false, 'The doorbell has no such button; it has {buttons}.', 'Press one of these.'),
  button_stuck: rule(
    500,
    5,
    true,
    'The button {button} has been pressed for a minute.',
    'It is jammed or its wire has a short; free it. It rings again once it is let go.',
  ),
  hardware_tool_missing: rule(
    500,
    5,
    true,
    'The program {tool} is not installed.',
    'Install it, on Debian with `apt install {package}`.',
  ),
  hardware_unavailable: rule(
    500,
    5,
    true,
    'The {what} does not work: {detail}',
    'Check its cable and its name in device.json, and that this user may use it (groups gpio, input, audio). It is tried again.',
  ),

  // Verification of documents by anyone
  verify_failed: rule(422, 3, false, 'Verification failed: {detail}', 'Do not rely on this clip.'),
} as const satisfies Record<string, ErrorRule>;

export type ErrorCode = keyof typeof ERRORS;

/** Whether a text from outside is one of the table's codes. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

/** An expected failure of this project. */
export type Failure = CodedError<ErrorCode>;

/** Makes the failure for a code; `facts` fill the {places} of its sentences and must be safe to show. */
export function failure(code: ErrorCode, facts: Record<string, string | number> = {}, cause?: unknown): Failure {
  return new CodedError(code, ERRORS[code], facts, cause);
}

/** Whether a thrown value is a coded failure. */
export function isFailure(thrown: unknown): thrown is Failure {
  return thrown instanceof CodedError && isErrorCode(thrown.code);
}

/** The code of a token that was not accepted. */
export const TOKEN_FAULT_CODES = {
  malformed: 'token_malformed',
  'too-large': 'token_too_large',
  'wrong-type': 'token_wrong_type',
  'unknown-claims': 'token_unknown_claims',
  'wrong-audience': 'token_wrong_audience',
  'unknown-signer': 'token_unknown_signer',
  'bad-signature': 'token_bad_signature',
} as const satisfies Record<TokenFault, ErrorCode>;
