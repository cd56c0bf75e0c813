// Owns: the failures of the upload. Not here: the one closed table (../errors.ts).
import { machineFault, machineFaultForNow, refused, unreachableForNow } from './kinds.ts';

export const uploadErrors = {
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
    'The sealed clip {grant} does not verify any more.',
    'It is not sent. The grant must be given again.',
  ),
  upload_unreachable: unreachableForNow(
    503,
    'The bridge cannot be reached: {detail}',
    'The upload goes on by itself when it is back.',
  ),
  upload_rejected: refused(403, 'The bridge refused the clip: {code}', 'See what the code says.'),
  device_moved: refused(
    409,
    'The device is not enrolled with {bridge} any more, which the clip was for.',
    'Nothing of it goes to another bridge; enrol with that one again to settle it.',
  ),
} as const;
