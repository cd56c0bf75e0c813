// Owns: the failures of usage and configuration. Not here: the one closed table (../errors.ts).
import { privatePathErrors } from '../private-path-errors.ts';
import { machineFault, machineFaultForNow, refused, unreachableForNow, unusableInput, wrongUsage } from './kinds.ts';

export const usageErrors = {
  usage: wrongUsage(
    400,
    'The command was not understood: {detail}',
    'See `doorsill help` or add --help to the command.',
  ),
  config_invalid: wrongUsage(
    400,
    'The configuration {file} is not valid: {detail}',
    'Correct the named setting; unknown settings are refused.',
  ),
  data_folder_foreign: wrongUsage(
    409,
    'The folder {folder} does not belong to this command: {detail}',
    'Name an empty folder or the one this command made.',
  ),
  file_unusable: machineFault(
    500,
    'A file or folder cannot be used: {detail}',
    'Name a place this user can read and write, or make this one so.',
  ),
  output_taken: wrongUsage(
    409,
    'The file {file} is there already, and {detail}. Nothing was written to it.',
    'Name a new file, or remove that one; a file of your own that nobody else can read is replaced.',
  ),
  disk_full: machineFaultForNow(
    507,
    'The disk is full: {detail}',
    'Free space on it, or name a place on another disk, and run the command again.',
  ),
  ...privatePathErrors,
  data_folder_locked: machineFault(
    409,
    'The folder {folder} is in use by process {pid}.',
    'Stop that process first, or name another folder.',
  ),
  state_damaged: machineFault(
    500,
    'The file {file} is damaged: {detail}',
    'Restore it from a backup, or start over with a new data folder.',
  ),
  data_newer: machineFault(
    409,
    'What is in {folder} was written by a newer doorsill (format {format}, this one knows {known}).',
    'Use that version, or name another folder. Nothing was touched.',
  ),
  format_unwritten: machineFaultForNow(
    507,
    'The format of the folder {folder} could not be written into it: {detail}',
    'Free space or make it writable; it is tried again by itself, and the folder is used meanwhile.',
  ),
  backup_device_foreign: refused(
    409,
    'The backup is of {device}, and {folder} holds another device: {held}.',
    'Restore it into a new folder, or name the backup of the device that is there.',
  ),
  backup_unreadable: unusableInput(
    400,
    'The backup cannot be read: {detail}',
    'Name the file and the passphrase it was made with.',
  ),
  database_full: machineFaultForNow(
    507,
    'There is no space for the database {file}: {detail}',
    'Free space on that disk and start again; nothing in it was lost.',
  ),
  database_busy: machineFaultForNow(
    503,
    'Another program holds the database {file}: {detail}',
    'End that program, or wait until it is done, and start again.',
  ),
  database_unusable: machineFaultForNow(
    500,
    'The database {file} could not be opened or written: {detail}',
    'Check that this user may read and write its folder and that the disk works, and start again; nothing in it was lost.',
  ),
  database_driver_missing: machineFault(
    500,
    'The database driver better-sqlite3 cannot be loaded: {detail}.',
    'A doorbell runs without it; bridge, registry and vault need it for their files. Install a C++ compiler, make and python3 (Debian: apt install g++ make python3), run `npm rebuild better-sqlite3 --ignore-scripts=false`, and start again; or keep the rows in PostgreSQL (`database` in the settings).',
  ),
  database_unreachable: unreachableForNow(
    503,
    'The database {file} cannot be reached: {detail}',
    'Start it, or free one of its connections; a running server goes on by itself when it is back, and nothing acknowledged is lost.',
  ),
  database_unfit: machineFault(
    503,
    'The database {file} cannot keep what it is for: {detail}',
    'Correct its address, its user’s rights or its settings, and start again; nothing in it was changed.',
  ),
  inspector_open: machineFault(
    500,

    "Node's inspector listens at {url}: every user of this machine could read footage and keys there.",
    'Start without --inspect, also in NODE_OPTIONS.',
  ),
  port_in_use: machineFault(
    500,
    'Port {port} on {host} is in use.',
    'Stop what listens there, or choose another port.',
  ),
  address_unusable: machineFault(
    500,
    'A network address cannot be used: {detail}',
    'Name an address of this machine to listen on, and a port that this user may use.',
  ),
  not_running: unreachableForNow(
    503,
    'Nothing is running on the data folder {folder}.',
    'Start it with `npm start` or `doorsill up`, or name its folder with --data.',
  ),
  doorbell_not_named: wrongUsage(
    400,
    'There are several doorbells: {choices}',
    'Name one with --device: its id or its name.',
  ),
  doorbell_unknown: wrongUsage(
    404,
    'No doorbell here is "{name}"; there are: {choices}',
    'Name one of them by its id or its name; `doorsill doorbell list` shows both.',
  ),
  doorbell_name_taken: wrongUsage(
    409,
    'There is a doorbell called "{name}" already.',
    'Choose another name, or see them all with `doorsill doorbell list`.',
  ),
  doorbell_too_many: wrongUsage(
    409,
    'A testbed has {most} doorbells at most.',
    'Remove one with `doorsill doorbell remove`, or start another testbed with --data and --port.',
  ),
  doorbell_first: wrongUsage(
    409,
    '"{name}" is the first doorbell of the testbed, which cannot be removed.',
    'To be rid of all of it, stop the testbed and delete its folder.',
  ),
  doorbell_unconfirmed: refused(
    409,
    '"{name}" was not removed: nobody confirmed that its footage, ledger and keys are destroyed.',
    'Add --yes, or type its name when a terminal asks for it.',
  ),
  doorbells_fewer: wrongUsage(
    409,
    'The testbed in {folder} has {there} doorbells, and {asked} were asked for; a number removes none.',
    'Start it without --doorbells, or remove one by its name: `doorsill doorbell remove NAME`.',
  ),
  unreachable: unreachableForNow(
    503,
    'Could not reach {what} at {where}: {detail}',
    'Check that it runs and that the address is right.',
  ),
} as const;
