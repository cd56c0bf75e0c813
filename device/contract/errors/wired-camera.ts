// Owns: the failures of cameras wired to this machine. Each is tried again by itself, with pauses that grow to half a minute. Not here: the one closed table (../errors.ts).
import { machineFaultForNow, unreachableForNow, unusableInput, unusableInputForNow } from './kinds.ts';

export const wiredCameraErrors = {
  camera_gone: unreachableForNow(
    503,
    'The camera {source} is not there: {detail}',
    'Plug it in, or name another one (`v4l2-ctl --list-devices`); recording goes on by itself when it is back.',
  ),
  camera_busy: machineFaultForNow(
    409,
    'The camera {source} is in use by another program.',
    'End that program (`fuser -v DEVICE` names it); recording goes on by itself then.',
  ),
  camera_denied: machineFaultForNow(
    403,
    'This user may not open the camera {source}.',
    'Let it: `sudo usermod -aG video USER`, then log in again or restart the service.',
  ),
  camera_not_capture: unusableInputForNow(
    422,
    'The device {source} gives no pictures: {detail}',
    'A camera has several nodes, some for metadata alone: name another one, best by its /dev/v4l/by-id/...-index0.',
  ),
  camera_format_unsupported: unusableInputForNow(
    422,
    'The camera {source} does not give what was asked of it: {detail}',
    'Ask for a size and format that it has, or for none: then the nearest is taken.',
  ),
  camera_size_ungiven: unusableInputForNow(
    422,
    'The camera {source} lists what it does not give: {detail}',
    'Name a size or format that it gives (`size=640x480`, `format=mjpeg`); where the bus has no room, give it a USB port without another camera. All are tried anew when it is plugged in or starts anew.',
  ),
  camera_control_refused: unusableInputForNow(
    422,
    'The camera {source} did not take its controls: {detail}',
    'See their names and limits with `v4l2-ctl -d DEVICE --list-ctrls`; it records all the same.',
  ),
  microphone_unusable: machineFaultForNow(
    503,
    'The microphone {source} cannot be used: {detail}',
    'See which there are with `arecord -L`, and that this user is in the group audio; it is tried again when the camera starts anew.',
  ),
  camera_failed: machineFaultForNow(
    500,
    'The camera {source} failed (tries in a row: {times}): {detail}',
    'Look at the source; restart the device when it is mended.',
  ),
  fragment_malformed: unusableInput(
    422,
    'The capture stream is malformed: {detail}',
    'The capture restarts by itself; if it goes on, check the source.',
  ),
} as const;
