// Owns: the failures of a camera that is served to others and misbehaves on command. Not here: the one closed table (../errors.ts).
import { machineFault, refused, unreachable, unusableInput, wrongUsage } from './kinds.ts';

export const cameraServerErrors = {
  camera_address_unserved: wrongUsage(
    400,
    'A camera cannot be served at {url}: {detail}',
    'Name an address of this machine and a free port, such as rtsp://127.0.0.1:8554/porch, http://127.0.0.1:8080/porch.mjpeg or http://127.0.0.1:8080/porch.mp4.',
  ),
  camera_open_to_all: refused(
    403,
    'The camera would be served on {host}, where everybody who reaches this machine can watch.',
    'Give it a login (--user, --password-file), let it listen on 127.0.0.1, or say with --no-login that everybody may watch.',
  ),
  camera_source_unserved: wrongUsage(
    400,
    'The camera {source} cannot be served.',
    'Name a video file, or synthetic: what a camera of its own films is not passed on.',
  ),
  camera_fault_unknown: wrongUsage(
    400,
    'A camera has no fault called "{name}"{hint}.',
    '`doorsill camera faults` lists them all.',
  ),
  camera_fault_invalid: wrongUsage(
    400,
    'The fault {fault} cannot be read: {detail}',
    '`doorsill camera faults` says what each takes.',
  ),
  camera_faults_contradict: refused(
    409,
    'The fault {first} contradicts {second}.',
    'Clear the other one first, or give them times that do not overlap.',
  ),
  camera_faults_too_many: refused(409, 'A camera has {most} faults at most.', 'Clear some of them first.'),
  camera_fault_not_set: wrongUsage(
    404,
    'The camera has no fault {name} now.',
    '`doorsill camera fault --control SOCKET` lists those it has.',
  ),
  camera_control_unusable: machineFault(
    409,
    'The control socket {path} cannot be made: {detail}',
    'Name a path that is free, in a folder of yours, such as ./porch.sock.',
  ),
  camera_control_silent: unreachable(
    503,
    'No camera listens at {path}: {detail}',
    'Start one with `doorsill camera SRC --serve URL --control PATH`, and name the same path.',
  ),
  camera_control_garbled: unusableInput(
    400,
    'What came over the control socket is no order: {detail}',
    'Send one JSON object a line, such as {"do":"add","fault":"frozen+5s"}.',
  ),
} as const;
