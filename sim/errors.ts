// The failures of the simulator and its commands, and the table of these and of all packages below. A test keeps ERRORS.md equal to it.

import { type Failures, failuresOf } from '@doorsill/contract/errors';
import {
  type CodedError,
  type ErrorRule,
  machineFault,
  machineFaultForNow,
  notReachable,
  notReachableForNow,
  refused,
  unusableInput,
  wrongUsage,
} from '@doorsill/contract/errors/coded-error';
import { ERRORS as COMMAND_ERRORS } from '@doorsill/device/terminal/errors';

/** Failures that the simulator raises and that never cross a wire. */
export const SIM_ERRORS = {
  // usage
  doorbell_name_taken: wrongUsage(
    409,
    'There is already a doorbell called "{name}".',
    'Choose another name, or list all with `doorsill up list`.',
  ),
  doorbell_too_many: wrongUsage(
    409,
    'A testbed has at most {most} doorbells.',
    'Remove one with `doorsill up remove`, or start another testbed with --data and --port.',
  ),
  doorbell_first: wrongUsage(
    409,
    '"{name}" is the first doorbell of the testbed, which cannot be removed.',
    'To remove everything, stop the testbed and delete its folder.',
  ),
  doorbell_unconfirmed: refused(
    409,
    '"{name}" was not removed: destroying its footage, ledger and keys was not confirmed.',
    'Add --yes, or type its name when the terminal asks for it.',
  ),
  doorbells_fewer: wrongUsage(
    409,
    'The testbed in {folder} has {there} doorbells, more than the {asked} of --doorbells, which removes none.',
    'Start it without --doorbells, or remove one by its name: `doorsill up remove NAME`.',
  ),

  // clips
  clip_encrypted: wrongUsage(
    422,
    'The file {file} is encrypted for its recipient, so that nothing in it can be verified yet.',
    'Open and check it with a key: `doorsill verify {file} {statement} --key FILE --out CLIP.mp4` as its recipient, --content-key FILE as the owner of its home.',
  ),

  // story
  story_failed: machineFault(
    500,
    'The story {story} failed: {detail}',
    'This is a bug: report it with the output of the same command with --log debug.',
  ),

  // audit
  audit_unconfirmed: refused(
    409,
    'Nothing was revoked: {detail}',
    'Read the report, then type the number of revocations, or give it with --yes-revoke N.',
  ),

  // client
  client_argument_invalid: wrongUsage(
    400,
    '{call} was called with an invalid argument: {detail}',
    'Correct the named argument; unknown names are refused.',
  ),
  client_stopped: wrongUsage(
    409,
    'The virtual doorbell is stopped, so {call} cannot work.',
    'Await all calls before stop(), or start another doorbell.',
  ),
  client_no_agency: wrongUsage(
    409,
    'This virtual doorbell was started without an agency, so there can be no request.',
    'Start it without `agency: false`.',
  ),
  client_not_granted: wrongUsage(
    409,
    'There is no clip of {request} to wait for: {detail}',
    'Grant the request first, and await grant() before clip().',
  ),
  client_nothing_came: notReachableForNow(
    504,
    'No {what} came within {seconds} s; other messages: {instead}',
    'Check the expected message; on a slow machine set a longer `timeoutMs`.',
  ),
  client_no_footage: machineFaultForNow(
    504,
    'The doorbell did not record {wanted} s of footage within {seconds} s: {detail}',
    'Check the camera of the doorbell, or set a longer `timeoutMs`.',
  ),

  // replay
  replay_no_footage: unusableInput(
    404,
    'Nothing to replay was found: {detail}',
    'Name a video file, a folder of videos, a folder of images, or a pattern in quotes, such as "porch/*.mp4".',
  ),
  replay_footage_mixed: unusableInput(
    422,
    'The folder {folder} contains both videos and images.',
    'Select one kind with a pattern, such as "folder/*.jpg".',
  ),
  replay_too_much: wrongUsage(413, 'The footage is too much for one run: {detail}', 'Replay it in parts.'),
  replay_folder_paired: refused(
    403,
    'The folder {folder} belongs to a doorbell that keeps its footage.',
    'A replay writes plain footage: name another folder.',
  ),
  replay_folder_taken: wrongUsage(
    409,
    'The folder {folder} is not empty.',
    'Name an empty or a new folder; nothing is overwritten.',
  ),
  replay_footage_broken: unusableInput(
    422,
    'The footage of {camera} ended early: {detail}',
    'Check the file with ffmpeg, or replay the part before with --to.',
  ),
  replay_stuck: machineFault(
    504,
    '{camera} delivered nothing for {seconds} s.',
    'Check that the file can be read and that ffmpeg runs on this machine.',
  ),
  record_too_long: wrongUsage(
    422,
    '{asked} is too long for one recording: {detail}',
    'Set a shorter --for, and record the rest into another folder.',
  ),
  record_nothing: notReachable(
    404,
    'Nothing was recorded: {detail}',
    'Check the camera with `doorsill doctor`, or try it with `doorsill up --camera`.',
  ),
  record_replay_fails: machineFault(
    500,
    'The recording cannot be replayed: {detail}',
    'The recording is kept; run `doorsill test` on its folder for details.',
  ),
  record_disk_full: machineFaultForNow(
    507,
    'The disk was full before all of the recording was written: its first {length} ({bytes}) are kept in {folder}.',
    'The kept part can be played and replayed; free space, or name a folder on another disk with --out, and record the rest.',
  ),
  record_cut_short: notReachable(
    502,
    'The recording ended after {length}: {detail}',
    'The part until then is kept and can be replayed; record again for the rest.',
  ),

  // report
  report_unwritten: machineFaultForNow(
    507,
    'The report could not be written into {folder}: {detail}',
    'Free space or name another folder. Existing files are unchanged.',
  ),
  report_unreadable: unusableInput(
    400,
    '{file} is not a report that this version of doorsill can read: {detail}',
    'Name a report.json that was written by this version.',
  ),

  // truth
  truth_unreadable: unusableInput(
    400,
    'The ground truth {file} cannot be read: {detail}',
    'Name a JSON file of at most 4 MB; `doorsill replay truth convert` makes one from MOT, PETS or CVAT annotations.',
  ),
  truth_invalid: unusableInput(
    422,
    'The ground truth {file} is not valid: {detail}',
    'Correct the named place; times are in seconds from the first picture of the footage.',
  ),
  truth_wrong_units: unusableInput(
    422,
    'The times in the ground truth {file} are not seconds: {detail}',
    'Divide milliseconds by 1000, or frame numbers by the frame rate; times are in seconds from the first picture of the footage.',
  ),
  truth_overlap: unusableInput(
    422,
    'Two spans of the ground truth {file} overlap: {detail}',
    'Merge them, or give each its camera.',
  ),
  truth_other_footage: unusableInput(
    422,
    'The ground truth {file} is not for this footage: {detail}',
    'Replay the labelled footage, or correct durationS if only that is wrong.',
  ),
  annotations_invalid: unusableInput(
    422,
    'The annotations {file} cannot be converted: {detail}',
    'Export them again as MOT 1.1 (CSV) or as CVAT for video 1.1 (XML), and check the options of the conversion.',
  ),
  tune_impossible: wrongUsage(
    400,
    'There is nothing to compare: {detail}',
    'Use footage with labelled spans, and 1 to 256 settings to try.',
  ),

  // scenario
  start_time_refused: wrongUsage(
    400,
    'The start "{text}" is not a definite time: {detail}.',
    'Write a time with its offset (2026-03-29T01:59:50+01:00) or a local time with its zone (2026-03-29 01:59:50 Europe/Berlin).',
  ),
  scenario_none: unusableInput(
    404,
    'There is no scenario in {path}: {detail}',
    'Name a scenario or a folder of them: files that end in .yaml, .yml or .scenario.ts.',
  ),
  scenarios_unreadable: unusableInput(
    422,
    'No scenario was run. The scenarios have mistakes, listed above: {many}.',
    'Correct them; each line has the place and the mistake.',
  ),
  scenario_yaml_refused: unusableInput(
    422,
    '{place}: this YAML is not allowed here: {detail}',
    'Use maps, lists, texts and numbers; tags, merge keys and several documents are refused.',
  ),
  scenario_word_unknown: unusableInput(
    422,
    '{place}: {detail}',
    'Correct the word; the JSON Schema of scenarios lets an editor complete it.',
  ),
  scenario_value_refused: unusableInput(
    422,
    '{place}: {detail}',
    'Correct the value; the README of sim/scenario/language lists the allowed values.',
  ),
  scenario_name_unknown: unusableInput(422, '{place}: {detail}', 'Use a name that the scenario defines.'),
  scenario_name_twice: unusableInput(422, '{place}: {detail}', 'Give each its own name.'),
  scenario_variable_refused: unusableInput(
    422,
    '{place}: {detail}',
    'Define it under variables, in an included file, in the matrix or with --set name=value.',
  ),
  scenario_limit: unusableInput(413, '{place}: {detail}', 'Split it into several scenarios.'),
  scenario_include_refused: unusableInput(
    422,
    '{place}: {detail}',
    'Include a YAML file that does not include this one, by a path relative to this file.',
  ),
  scenario_outside: refused(
    403,
    '{place}: {detail}',
    'A scenario reads only files in the folder given to the command, links resolved: copy the file there.',
  ),
  scenario_file_missing: unusableInput(
    404,
    '{place}: {detail}',
    'Check the path; it is relative to the file that names it.',
  ),
  scenario_needs_real_time: unusableInput(422, '{place}: {detail}', 'Set `time: real`, or omit the real part.'),
  mosquitto_failed: machineFault(
    500,
    'mosquitto cannot run here: {detail}',
    'Install it, on Debian with `apt install mosquitto`, or omit `broker: mosquitto`.',
  ),
  scenario_module_failed: machineFault(
    500,
    '{place}: the scenario’s code failed: {detail}',
    'A module must export one scenario or a list of them as default: `export default defineScenario({ ... })`.',
  ),

  // onvif
  onvif_discovery_impossible: machineFault(
    500,
    'The camera cannot be announced on {address}: {detail}.',
    'Name the IPv4 address of an interface on which the camera listens, or omit --discovery.',
  ),

  // camera-server
  camera_address_unserved: wrongUsage(
    400,
    'A camera cannot be served at {url}: {detail}',
    'Name an address of this machine and a free port, such as rtsp://127.0.0.1:8554/porch, http://127.0.0.1:8080/porch.mjpeg or http://127.0.0.1:8080/porch.mp4.',
  ),
  camera_open_to_all: refused(
    403,
    'The camera would be served on {host}, where everybody who reaches this machine can watch.',
    'Set a login (--user, --password-file), serve it on 127.0.0.1, or allow everybody with --no-login.',
  ),
  camera_source_unserved: wrongUsage(
    400,
    'The camera {source} cannot be served.',
    'Name a video file, or synthetic: other cameras are not passed on.',
  ),
  camera_fault_unknown: wrongUsage(
    400,
    'There is no camera fault called "{name}"{hint}.',
    '`doorsill camera faults` lists them all.',
  ),
  camera_fault_invalid: wrongUsage(
    400,
    'The fault {fault} is not valid: {detail}',
    '`doorsill camera faults` lists the values of each.',
  ),
  camera_faults_contradict: refused(
    409,
    'The fault {first} contradicts {second}.',
    'Clear the other one first, or give them times that do not overlap.',
  ),
  camera_faults_too_many: refused(409, 'A camera has at most {most} faults.', 'Clear some of them first.'),
  camera_fault_not_set: wrongUsage(
    404,
    'The camera does not have the fault {name}.',
    '`doorsill camera fault --control SOCKET` lists its faults.',
  ),
  camera_control_unusable: machineFault(
    409,
    'The control socket {path} cannot be made: {detail}',
    'Name a path that is free, in a folder of yours, such as ./porch.sock.',
  ),
  camera_control_silent: notReachable(
    503,
    'No camera listens at {path}: {detail}',
    'Start one with `doorsill camera SRC --serve URL --control PATH`, and use the same path.',
  ),
  camera_control_garbled: unusableInput(
    400,
    'The message on the control socket is not valid: {detail}',
    'Send one JSON object per line, such as {"do":"add","fault":"frozen+5s"}.',
  ),

  // device-faults
  device_fault_unknown: wrongUsage(
    400,
    'There is no doorbell fault called "{name}"{hint}.',
    '`doorsill device faults` lists them all.',
  ),
  device_fault_invalid: wrongUsage(
    400,
    'The fault {fault} is not valid: {detail}',
    '`doorsill device faults` lists the values of each.',
  ),
  device_faults_contradict: refused(
    409,
    'The fault {first} contradicts {second}.',
    'Clear the other one first, or give them times that do not overlap.',
  ),
  device_faults_too_many: refused(409, 'A doorbell has at most {most} faults.', 'Clear some of them first.'),
  device_fault_not_set: wrongUsage(
    404,
    'The doorbell does not have the fault {name}.',
    '`doorsill device fault --control SOCKET` lists its faults.',
  ),
  device_fault_on_hardware: refused(
    409,
    'Faults are for virtual doorbells, and this one is real: {what}.',
    'Make another doorbell for them: `doorsill device init` in another folder, with a synthetic camera or a file.',
  ),
  device_control_unusable: machineFault(
    409,
    'The control socket {path} cannot be made: {detail}',
    'Name a path that is free, in a folder of yours, such as ./porch.sock.',
  ),
  device_control_silent: notReachable(
    503,
    'No doorbell listens at {path}: {detail}',
    'Start one with `doorsill device --data DIR --control PATH`, and use the same path.',
  ),

  // fleet
  fleet_profile_unreadable: unusableInput(
    404,
    'The fleet profile {file} cannot be read: {detail}',
    'Name a file of YAML or JSON, or omit --profile for the defaults.',
  ),
  fleet_profile_invalid: unusableInput(
    422,
    'The fleet profile is not valid: {place}: {detail}',
    'Correct the named place; the README of sim/fleet lists the allowed values, and its JSON Schema lets an editor complete them.',
  ),
  fleet_size_refused: wrongUsage(400, 'The fleet cannot be drawn: {what} is {given}.', 'It must be {takes}.'),
  fleet_scene_unusable: unusableInput(
    422,
    'The scene cannot be made into a loop: {detail}',
    'Use the drawn porch (synthetic), or a video file of 8 s or more.',
  ),
  fleet_too_large: machineFault(
    507,
    '{doorbells} doorbells do not fit on this machine, only {fit}: {detail}',
    'Run fewer, distribute them to machines with --shard, or follow the detail.',
  ),
  fleet_beyond_this_machine: refused(
    403,
    '{option} names {where}, which is not on this machine.',
    'This command puts load on that address. If you may do that, add --beyond-this-machine.',
  ),

  // release
  release_unmade: machineFault(
    500,
    'The release could not be made: {detail}',
    'Fix that, and run `npm run release` again; nothing was published.',
  ),
} as const satisfies Record<string, ErrorRule>;

/** All failures: the simulator's and those of the packages below. */
export const ERRORS = { ...COMMAND_ERRORS, ...SIM_ERRORS };

/** A code of this table. */
export type ErrorCode = keyof typeof ERRORS;

/** An expected failure with a code of this table. */
export type Failure = CodedError<ErrorCode>;

export const { failure, reportedFailure, isErrorCode, isFailure }: Failures<ErrorCode> = failuresOf(ERRORS);
