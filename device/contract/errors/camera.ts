// Owns: the failures of ffmpeg and cameras of any kind. Not here: the one closed table (../errors.ts).
import {
  machineFault,
  machineFaultForNow,
  unreachableForNow,
  unusableInput,
  unusableInputForNow,
  wrongUsage,
} from './kinds.ts';

export const cameraErrors = {
  ffmpeg_missing: machineFault(
    500,
    'No usable ffmpeg: {detail}',
    'Install ffmpeg 5.1 or newer, or set FFMPEG_PATH; npm brings one for linux-x64 alone.',
  ),
  ffmpeg_failed: machineFaultForNow(
    500,
    'ffmpeg failed while {doing}: {detail}',
    'Run with --log debug for its own words.',
  ),
  camera_unsupported: wrongUsage(
    400,
    'The camera {source} is not of a known kind.',
    'Use synthetic, file:PATH, rtsp://HOST/PATH, v4l2:/dev/video0 or rpicam:.',
  ),
  camera_option_invalid: wrongUsage(
    400,
    'The camera {source} is named with an option that is not valid: {detail}',
    '`doorsill up --help` lists the options of each kind of camera.',
  ),
  camera_not_found: unusableInput(404, 'The camera {source} does not exist.', 'Check the path or address.'),
  camera_unreachable: unreachableForNow(
    503,
    'The camera {source} does not answer: {detail}',
    'Check its power, network and credentials; recording goes on by itself when it is back.',
  ),
  camera_pictures_damaged: unusableInputForNow(
    422,
    'Pictures of the camera {source} are damaged or missing: {detail}',
    'Check its cable or Wi-Fi, or lower its bit rate; it records all the same, and this is told until ten minutes after the last of them.',
  ),
  camera_clock_wrong: unusableInputForNow(
    422,
    'The clock of the camera {source} is wrong: {detail}',
    'Update its firmware, or let it set its clock less often; recording goes on by itself, and pictures without a date are never sent.',
  ),
  camera_rate_lowered: unusableInputForNow(
    500,
    'The camera {source} is asked for {rate} pictures a second instead of {wished}: this machine cannot take more now.',
    'Give it a cooler, shade or a better power supply, or set a smaller size or rate. All are asked for again after ten minutes without trouble.',
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
} as const;
