// Owns: the failures of making and checking clips. Not here: the one closed table (../errors.ts).
import { refused } from './kinds.ts';

export const clipErrors = {
  clip_no_frames: refused(404, 'The window holds no whole frame of footage.', 'Choose a window that the ring covers.'),
  clip_footage_gone: refused(
    410,
    'The ring no longer has all footage of the window: it was recorded over before the clip was made.',
    'Nothing was sent. Choose a later window, or a longer ring: clips wait for each other, and a ring goes on meanwhile.',
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
    'The camera changed its picture inside the window.',
    'Choose a window on one side of the change.',
  ),
  grant_dead: refused(410, 'The grant is not alive any more: {detail}', 'Nothing was sent after it ended.'),
} as const;
