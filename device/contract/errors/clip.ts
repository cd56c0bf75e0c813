// Failures of a clip on its way: cut, upload, custody, verification.
import { machineFault, machineFaultForNow, notReachableForNow, refused, wrongUsage } from './coded-error.ts';

export const clipErrors = {
  // clip
  clip_no_frames: refused(404, 'The window holds no whole frame of footage.', 'Choose a window that the ring covers.'),
  clip_footage_gone: refused(
    410,
    'The ring no longer has all footage of the window: it was recorded over before the clip was made.',
    'Nothing was sent. Choose a later window, or make the ring larger: it is recorded over while a clip waits for others.',
  ),
  clip_not_exact: refused(
    500,
    'The clip could not be made exact: {detail}',
    'Nothing was sent. Choose another window; report this with the camera model.',
  ),
  clip_check_failed: refused(
    500,
    'The finished clip failed its check: {detail}',
    'Nothing was sent. This is a bug or a damaged disk: report it.',
  ),
  clip_over_limit: refused(
    413,
    'The clip is larger than the grant allows: {detail}',
    'Grant a shorter window or a higher limit.',
  ),
  clip_stream_changed: refused(
    409,
    'The camera’s picture changed its size or format inside the window.',
    'Choose a window before or after the change.',
  ),
  grant_dead: refused(410, 'The grant is not in force: {detail}', 'Nothing was sent after it ended.'),

  // upload
  outbox_full: machineFaultForNow(
    507,
    'No space for the clip at {path}.',
    'Free space on the device; the clip is made when there is room.',
  ),
  outbox_unusable: machineFaultForNow(
    500,
    'The clip at {path} could not be written or read: {detail}',
    'Check the disk; it is tried again by itself.',
  ),
  outbox_damaged: machineFault(
    500,
    'The sealed clip of {grant} does not verify.',
    'It is not sent. The grant must be given again.',
  ),
  upload_unreachable: notReachableForNow(
    503,
    'The bridge cannot be reached: {detail}',
    'The upload goes on by itself when it is back.',
  ),
  upload_rejected: refused(403, 'The bridge refused the clip: {code}', 'See what the code says.'),
  device_moved: refused(
    409,
    'The clip is for {bridge}, with which the device is no longer enrolled.',
    'It is sent to no other bridge; enrol with that one again to finish it.',
  ),

  // custody
  departure_unknown: wrongUsage(404, 'No clip has left under this grant.', 'List what has left: `doorsill left`.'),
  content_key_of_another: refused(
    403,
    'Another owner granted this clip, or you with another key.',
    'Only the browser or terminal that granted a clip gets its content key.',
  ),
  content_key_unknown: refused(
    404,
    'This device has no content key for the clip.',
    'Only a clip that was encrypted has one, until it is erased at the bridge and in the vault.',
  ),
  custody_unreachable: notReachableForNow(
    503,
    'The bridge cannot be asked about the clip now: {detail}',
    'The receipts on this device stay valid; ask again when the bridge is back.',
  ),
  custody_unknown: refused(
    404,
    'The custody log has no such entry or size: {detail}',
    'Ask /v1/custody/head how long the log is.',
  ),
  custody_cosignature_refused: refused(
    403,
    'The bridge refuses the cosignature: {detail}',
    'A witness cosigns only heads of this bridge, with a key that bridge.json names under custody.witnesses.',
  ),
  custody_head_refused: notReachableForNow(
    422,
    'The answer is not from the custody log of the bridge that this witness watches: {detail}',
    'Check --bridge and --bridge-key, or use a new --data folder for another bridge. A running witness asks again by itself.',
  ),
  custody_rollback: refused(
    409,
    'The bridge has removed a part of its log: {detail}',
    'Keep the two signed heads in {file}: together they prove it. Nothing that the bridge signs from then on is cosigned.',
  ),
  custody_fork: refused(
    409,
    'The bridge has rewritten its log: {detail}',
    'Keep the two signed heads in {file}: together they prove it. Nothing that the bridge signs from then on is cosigned.',
  ),

  // verification
  clip_unopened: refused(
    422,
    'Nothing of this encrypted clip is shown: {detail} (check {outcome})',
    'It is not what its home’s statement says, or not for this key. If the key is the right one, ask the owner for the clip again.',
  ),
  verify_failed: refused(
    422,
    'Verification failed: {detail}',
    'Do not rely on the clip or its documents. Fetch them again; if they still fail, ask whoever gave them to you.',
  ),
} as const;
