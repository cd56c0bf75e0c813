// Owns: what is asked of systemd and udev about an installed doorbell: take new files, end the service, say how it is.
// Not here: the files (board-files.ts), what the running doorbell says of itself (its socket).

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { failure } from '../terminal/errors.ts';
import type { FileOutcome } from './board-files.ts';

const COMMAND_MS_MAX = 90_000;
/** What the rules of an install are about: devices that are there already are looked at again. */
export const SUBSYSTEMS = ['gpio', 'leds', 'video4linux', 'media', 'dma_heap', 'misc', 'input'];

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

/** What systemd says of a service, as in systemctl(1), `show`. */
export interface ServiceState {
  /** Whether it takes the unit: loaded, bad-setting, masked or error. */
  load: string;
  /** E.g. active, activating, inactive, failed. */
  state: string;
  /** Why the last run ended, e.g. success, exit-code, watchdog. */
  result: string;
  restarts: number;
  /** Since when it is in this state, as systemd prints it; null when it never ran. */
  since: string | null;
  startsAtBoot: boolean;
  /** The command line it runs. */
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
  const said = run('systemctl', 'show', `${name}.service`, ...PROPERTIES.map((property) => `--property=${property}`));
  const found = new Map(
    said.split('\n').map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]),
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

/** Runs a command of the system to its end; what it prints. */
function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: COMMAND_MS_MAX });
  if (status === 0) return stdout;
  const detail = (error?.message ?? stderr).trim().slice(0, 500) || `it ended with ${status}.`;
  throw failure('board_command_failed', { command: [command, ...args].join(' '), detail });
}
