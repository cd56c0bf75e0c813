// Commands to systemd and udev about an installed doorbell: apply new files, end the service, read its state.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { failure } from '../terminal/errors.ts';
import type { FileOutcome } from './board-files.ts';

const COMMAND_MS_MAX = 90_000;
/** Subsystems of the install's rules, which are applied again to present devices. */
export const SUBSYSTEMS = ['gpio', 'leds', 'video4linux', 'media', 'dma_heap', 'misc', 'input'];

/** Makes systemd and udev apply the changed files. Throws `board_command_failed` with their message. */
export function applyFiles(changed: ReadonlyMap<string, FileOutcome>): void {
  const isChanged = (place: string) =>
    [...changed].some(([path, outcome]) => path.includes(place) && outcome !== 'unchanged');
  for (const [path, outcome] of changed)
    if (path.includes('/sysusers.d/') && outcome !== 'removed') run('systemd-sysusers', path);
  // After the groups exist: a rule that names an unknown group gives a node to root.
  if (isChanged('/udev/') && existsSync('/run/udev/control')) {
    run('udevadm', 'control', '--reload');
    run('udevadm', 'trigger', ...SUBSYSTEMS.map((subsystem) => `--subsystem-match=${subsystem}`));
  }
  if (isChanged('/system.conf.d/')) run('systemctl', 'daemon-reexec');
  else if (isChanged('/systemd/system/')) run('systemctl', 'daemon-reload');
}

/** Starts the service, now and at boot. Throws `board_command_failed`. */
export function beginService(name: string): void {
  run('systemctl', 'enable', '--now', `${name}.service`);
}

/** Stops the service and disables its start at boot. */
export function endService(name: string): void {
  run('systemctl', 'disable', '--now', `${name}.service`);
}

/** A service's properties from `systemctl show` (systemctl(1)). */
export interface ServiceState {
  /** E.g. loaded, bad-setting, masked, error. */
  load: string;
  /** E.g. active, activating, inactive, failed. */
  state: string;
  /** Why the last run ended, e.g. success, exit-code, watchdog. */
  result: string;
  restarts: number;
  /** Start time of this state, as systemd prints it; null when the service never ran. */
  since: string | null;
  startsAtBoot: boolean;
  program: string | null;
}

const PROPERTIES = [
  'LoadState',
  'ActiveState',
  'Result',
  'NRestarts',
  'StateChangeTimestamp',
  'UnitFileState',
  'ExecStart',
];

/** The state of a service; null when systemd knows no such unit. Throws `board_command_failed`. */
export function serviceState(name: string): ServiceState | null {
  const shown = run('systemctl', 'show', `${name}.service`, ...PROPERTIES.map((property) => `--property=${property}`));
  const found = new Map(
    shown.split('\n').map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]),
  );
  const of = (property: string) => found.get(property) ?? '';
  if (of('LoadState') === 'not-found') return null;
  return {
    load: of('LoadState'),
    state: of('ActiveState'),
    result: of('Result'),
    restarts: Number(of('NRestarts')),
    since: of('StateChangeTimestamp') || null,
    startsAtBoot: of('UnitFileState') === 'enabled',
    program: /\S+\/cli\/doorsill(-device)?\.mjs/.exec(of('ExecStart'))?.[0] ?? null,
  };
}

/** Runs a system command to its end; returns its output. */
function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: COMMAND_MS_MAX });
  if (status === 0) return stdout;
  const detail = (error?.message ?? stderr).trim().slice(0, 500) || `it ended with ${status}.`;
  throw failure('board_command_failed', { command: [command, ...args].join(' '), detail });
}
