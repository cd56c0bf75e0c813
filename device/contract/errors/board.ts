// Owns: the failures of making a doorbell a service of a board, such as a Raspberry Pi. Not here: the one closed table (../errors.ts).
import { machineFault, refused } from './kinds.ts';

export const boardErrors = {
  board_processor_too_old: machineFault(
    422,
    'This processor ({processor}) is too old: it runs no 64-bit program.',
    'Use a Raspberry Pi Zero 2 W, 3, 4, 5 or another board of 64 bits; a Pi 1, Zero or Zero W will not do.',
  ),
  board_system_not_64_bit: machineFault(
    422,
    'This system or its node is not of 64 bits (node for {program}, processor {processor}).',
    'Write the 64-bit image of Raspberry Pi OS, or Debian arm64, to the card, and install node from it.',
  ),
  board_memory_too_small: machineFault(
    422,
    'This board has {mb} MB of memory, and a doorbell takes a board of {leastMB} MB.',
    'Use a board with more; on a Pi, give less to the screen (gpu_mem=16 in config.txt).',
  ),
  board_without_systemd: machineFault(
    422,
    'systemd does not run here as process 1, so nothing would start the service.',
    'Install on a system that runs systemd, or write the files into the root of one with --root DIR.',
  ),
  board_without_watchdog: machineFault(
    422,
    'This board has no hardware watchdog: there is no /dev/watchdog.',
    'On a Pi, remove dtparam=watchdog=off from config.txt; else install without --hardware-watchdog.',
  ),
  board_user_not_root: machineFault(
    403,
    'A service is installed and removed by root alone.',
    'Run the same command with sudo; --print shows what it would write.',
  ),
  board_file_foreign: refused(
    409,
    'The file {path} is not one that an install wrote, so it is left alone, and nothing was written.',
    'Move it away, or choose another --name.',
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
    'Do what it says and run the same verb again; a second run is safe.',
  ),
} as const;
