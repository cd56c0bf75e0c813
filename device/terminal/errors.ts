// The failures of commands that set up a board (e.g. a Raspberry Pi) or that an owner runs, and one table of these failures and of those
// that are sent over a network (contract/errors.ts). ERRORS.md prints the table; a test keeps the two equal.
import { type Failures, failuresOf, ERRORS as WIRE_ERRORS } from '@doorsill/contract/errors';
import {
  type CodedError,
  type ErrorRule,
  machineFault,
  machineFaultForNow,
  refused,
  refusedForNow,
  unusableInput,
  wrongUsage,
} from '@doorsill/contract/errors/coded-error';

/** The failures that only these commands have. */
export const COMMAND_ERRORS = {
  output_taken: wrongUsage(
    409,
    'The file {file} exists, and {detail}. Nothing was written to it.',
    'Name a new file, or remove that one. Only a file of yours that nobody else can read is replaced.',
  ),
  disk_full: machineFaultForNow(
    507,
    'The disk is full: {detail}',
    'Free some space, or name a file or folder on another disk, and run the command again.',
  ),
  data_folder_locked: machineFault(
    409,
    'The folder {folder} is in use by process {pid}.',
    'Stop that process first, or name another folder.',
  ),
  settings_exist: wrongUsage(
    409,
    'The doorbell has settings already: {file}.',
    'Change them with an editor; `doorsill pair --show` pairs another phone. For a second doorbell, name another folder.',
  ),
  records_without_settings: refused(
    409,
    'The folder {folder} holds the records of a doorbell, but no device.json.',
    'Put its device.json back (a backup has it), or name another folder: a set-up would hand the doorbell with its former owners on.',
  ),
  service_not_started: machineFault(
    500,
    'The settings are written, but {name} did not start within {seconds} s.',
    '`sudo systemctl status {name}` and `journalctl -u {name}` say why; `sudo doorsill device status` when it runs.',
  ),
  inspector_open: machineFault(
    500,

    "Node's inspector listens at {url}: every user of this machine could read footage and keys there.",
    'Start without --inspect, also in NODE_OPTIONS.',
  ),
  app_without_broker: machineFaultForNow(
    503,
    'Home Assistant named no MQTT broker: {detail}',
    'Install and start the Mosquitto app, and start this one again.',
  ),
  address_unusable: machineFault(
    500,
    'A network address cannot be used: {detail}',
    'Name an address of this machine to listen on, and a port that this user may use.',
  ),
  doorbell_not_named: wrongUsage(
    400,
    'There are several doorbells: {choices}',
    'Name one with --device: its id or its name.',
  ),
  doorbell_unknown: wrongUsage(
    404,
    'No doorbell here is "{name}"; there are: {choices}',
    'Name one of them by its id or its name; `doorsill up list` shows both.',
  ),
  motion_trial_failed: unusableInput(
    500,
    'Recorded footage could not be searched for motion: {detail}.',
    'Try a shorter span; the device’s log says more.',
  ),
  viewer_unknown: refused(
    404,
    'There is no viewer "{viewer}"; there are: {choices}.',
    'Name one of them by its id; `doorsill settings viewer list` shows what each may see.',
  ),

  enrolment_code_exposed: wrongUsage(
    400,
    'Other users of this machine could have read the enrolment code: {detail}.',
    'Ask the bridge for a new one, and hand it over on standard input (`--enrol -`) or in a file of mode 0600 (`--enrol FILE`).',
  ),

  board_processor_too_old: machineFault(
    422,
    'This processor ({processor}) is too old: it cannot run 64-bit programs.',
    'Use a Raspberry Pi Zero 2 W, 3, 4, 5 or another 64-bit board; a Pi 1, Zero or Zero W does not suffice.',
  ),
  board_system_not_64_bit: machineFault(
    422,
    'This system or its node is not 64-bit (node for {program}, processor {processor}).',
    'Write the 64-bit image of Raspberry Pi OS, or Debian arm64, to the card, and install node from it.',
  ),
  board_memory_too_small: machineFault(
    422,
    'This board has {mb} MB of memory, and a doorbell needs a board of {leastMB} MB.',
    'Use a board with more memory; on a Pi, reserve less for the screen (gpu_mem=16 in config.txt).',
  ),
  board_without_systemd: machineFault(
    422,
    'systemd does not run here as process 1, so nothing would start the service.',
    'Install on a system that runs systemd, or write the files into the root of such a system with --root DIR.',
  ),
  board_without_watchdog: machineFault(
    422,
    'This board has no hardware watchdog: there is no /dev/watchdog.',
    'On a Pi, remove dtparam=watchdog=off from config.txt; else install without --hardware-watchdog.',
  ),
  board_user_not_root: machineFault(
    403,
    'Only root can install or remove a service.',
    'Run the same command with sudo; --print shows what it would write.',
  ),
  board_file_foreign: refused(
    409,
    'The file {path} was not written by an install, so it was left unchanged, and nothing was written.',
    'Move it away, or choose another --name.',
  ),
  board_packaged: refused(
    409,
    'The Debian package doorsill-device brings the service {name} of this board.',
    'Use apt: `sudo apt install ./FILE.deb` installs and updates it, `sudo apt remove doorsill-device` removes it, and `sudo apt purge doorsill-device` destroys its keys and footage, too.',
  ),
  board_program_missing: machineFault(
    404,
    'There is no {what} below {root}, so the service would start nothing.',
    'Install it there first (a release: `doorsill device update RELEASE --pin KEY --programs {root}/opt/doorsill`), or name its path on the board with {option}.',
  ),
  board_service_missing: machineFault(
    404,
    'No service {name} is installed on this board.',
    'Install it with `sudo doorsill device install`, or name another one with --name.',
  ),
  board_command_failed: machineFault(
    500,
    'The system refused `{command}`: {detail}',
    'Mend what it reports and run the same command again; a second run is safe.',
  ),

  update_outside_window: refusedForNow(
    409,
    'The time of day is outside the window for updates, {window}.',
    'Wait for the window, or omit --between.',
  ),
} as const satisfies Record<string, ErrorRule>;

/** All failures of these commands: their own, and those that are also sent over a network. */
export const ERRORS = { ...WIRE_ERRORS, ...COMMAND_ERRORS };

/** A code of this table. */
export type ErrorCode = keyof typeof ERRORS;

/** An expected failure with a code of this table. */
export type Failure = CodedError<ErrorCode>;

export const { failure, reportedFailure, isErrorCode, isFailure }: Failures<ErrorCode> = failuresOf(ERRORS);
