import {
  machineFault,
  machineFaultForNow,
  notReachableForNow,
  unusableInput,
  unusableInputForNow,
  wrongUsage,
} from './coded-error.ts';

export const cameraErrors = {
  // camera
  ffmpeg_missing: machineFault(
    500,
    'No usable ffmpeg: {detail}',
    'Install ffmpeg 5.1 or newer, or set FFMPEG_PATH; npm brings one only for linux-x64.',
  ),
  ffmpeg_failed: machineFaultForNow(
    500,
    'ffmpeg failed while {doing}: {detail}',
    'Run with --log debug to see its output.',
  ),
  camera_unsupported: wrongUsage(
    400,
    'The camera {source} is not of a known kind.',
    'Use synthetic, file:PATH, rtsp://HOST/PATH, v4l2:/dev/video0 or rpicam:.',
  ),
  camera_option_invalid: wrongUsage(
    400,
    'The camera {source} has an option that is not valid: {detail}',
    '`doorsill up --help` lists the options of each kind of camera.',
  ),
  camera_not_found: unusableInput(404, 'The camera {source} does not exist.', 'Check the path or address.'),
  camera_unreachable: notReachableForNow(
    503,
    'The camera {source} does not answer: {detail}',
    'Check its power, network and credentials; recording goes on by itself when it is back.',
  ),
  camera_pictures_damaged: unusableInputForNow(
    422,
    'Pictures of the camera {source} are damaged or missing: {detail}',
    'Check its cable or Wi-Fi, or lower its bit rate; recording goes on, and this is reported until ten minutes after the last of them.',
  ),
  camera_clock_wrong: unusableInputForNow(
    422,
    'The camera {source} gives its pictures wrong times: {detail}',
    'Update its firmware; if its clock jumps, let it set its clock less often. Recording resumes by itself. Pictures without a trusted time are never sent.',
  ),
  camera_rate_lowered: unusableInputForNow(
    500,
    'The camera {source} is asked for {rate} pictures a second instead of {wished}: this machine cannot process more now.',
    'Give the machine a cooler, shade or a better power supply, or set a smaller size or rate. The full rate is tried again after ten minutes without trouble.',
  ),
  camera_no_video: unusableInput(
    422,
    'The camera {source} has no video that can be decoded: {detail}',
    'Use a source with a video stream.',
  ),
  camera_refused_format: unusableInput(
    422,
    'The file {source} is not plain media: {detail}',
    'Playlists, scripts and manifests are never opened; use the media file itself.',
  ),

  // wired-camera
  camera_gone: notReachableForNow(
    503,
    'The camera {source} is not connected: {detail}',
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
    'Allow it: `sudo usermod -aG video USER`, then log in again or restart the service.',
  ),
  camera_not_capture: unusableInputForNow(
    422,
    'The device {source} gives no pictures: {detail}',
    'A camera has several nodes, some for metadata alone: name another one, best by its /dev/v4l/by-id/...-index0.',
  ),
  camera_format_unsupported: unusableInputForNow(
    422,
    'The camera {source} does not give the size, rate or format that was asked for: {detail}',
    'Ask for a size and format that it has, or for none: then the nearest is used.',
  ),
  camera_size_ungiven: unusableInputForNow(
    422,
    'The camera {source} lists a size or format that it does not give: {detail}',
    'Name a size or format that it gives (`size=640x480`, `format=mjpeg`); if the USB bus has no bandwidth left, use a port without another camera. All are tried again when it is plugged in or restarts.',
  ),
  camera_control_refused: unusableInputForNow(
    422,
    'The camera {source} did not take its controls: {detail}',
    'See their names and limits with `v4l2-ctl -d DEVICE --list-ctrls`; recording goes on without them.',
  ),
  microphone_unusable: machineFaultForNow(
    503,
    'The microphone {source} cannot be used: {detail}',
    'List microphones with `arecord -L`, and check that this user is in the group audio; it is tried again when the camera restarts.',
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
