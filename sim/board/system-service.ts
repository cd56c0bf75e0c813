// Owns: what is asked of systemd and udev about an installed doorbell: take new files, end the service.
// Not here: the files (board-files.ts).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { failure } from '../../device/exports-without-firmware.ts';
import type { FileOutcome } from './board-files.ts';

const COMMAND_MS_MAX = 90_000;
const SUBSYSTEMS = ['gpio', 'video4linux', 'media', 'dma_heap', 'misc', 'input'];

/** Has systemd and udev take what an install or uninstall changed. Throws `board_command_failed` with what one of them says. */
export function takeFiles(changed: ReadonlyMap<string, FileOutcome>): void {
  const isChanged = (place: string) =>
    [...changed].some(([path, outcome]) => path.includes(place) && outcome !== 'unchanged');
  for (const [path, outcome] of changed)
    if (path.includes('/sysusers.d/') && outcome !== 'removed') run('systemd-sysusers', path);
  // Only after the groups are there: a rule that names an unknown one gives a node to root.
  if (isChanged('/udev/') && existsSync('/run/udev/control')) {
    run('udevadm', 'control', '--reload');
    run('udevadm', 'trigger', ...SUBSYSTEMS.map((subsystem) => `--subsystem-match=${subsystem}`));
  }
  if (isChanged('/system.conf.d/')) run('systemctl', 'daemon-reexec');
  else if (isChanged('/systemd/system/')) run('systemctl', 'daemon-reload');
}

/** Stops the service and starts it at no boot any more. */
export function endService(name: string): void {
  run('systemctl', 'disable', '--now', `${name}.service`);
}

/** Runs a command of the system to its end. */
function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: COMMAND_MS_MAX });
  if (status === 0) return;
  const detail = (error?.message ?? stderr).trim().slice(0, 500) || `it ended with ${status}.`;
  throw failure('board_command_failed', { command: [command, ...args].join(' '), detail });
}
