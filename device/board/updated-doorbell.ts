// Stops, starts and watches a doorbell while its programs are replaced, as a systemd service or started by hand.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import { type Disk, SystemDisk } from '@doorsill/base/disk';
import { folderHolder } from '@doorsill/base/folder-lock';
import { ownerForRoot } from '@doorsill/base/private-paths';
import { diesWithUs } from '@doorsill/base/system-programs';
import { storedFormat } from '../folder-format.ts';
import { deviceIdOf, loadDeviceKey } from '../identity.ts';
import { failure } from '../terminal/errors.ts';
import type { UpdatedDoorbell } from '../update/update.ts';
import { RELEASED_LAUNCHER, runWords } from './launcher-path.ts';

export interface UpdatedDoorbellDeps {
  clock: Clock;
  disk: Disk;
  /** The folder of programs, absolute. */
  programs: string;
}

/** `release`: call it at the end of the update. */
export type WatchedDoorbell = UpdatedDoorbell & { release(): Promise<void> };

const COMMAND_MS_MAX = 120_000;
const LOOK_MS = 250;
/** A version that ends or restarts within this time after it became ready is not healthy. */
const STAYS_MS = 5_000;
/** After this time systemd starts a doorbell whose update was killed; longer than an update takes after the stop. */
const GUARD_S = 240;
const STOP_MS_MAX = 30_000;

/** The service `name` of systemd, which starts it from the folder's `current`. */
export function serviceDoorbell(deps: UpdatedDoorbellDeps, name: string, data: string): WatchedDoorbell {
  const { clock } = deps;
  const guard = `${name}-update-guard`;
  const shown = () => {
    const { stdout } = systemctl('show', `${name}.service`, '--property=ActiveState,SubState,MainPID,NRestarts');
    return stdout.trim();
  };
  return {
    data,
    identity: identityOf,
    format: (folder) => storedFormat(deps.disk, folder),
    stop: async () => {
      systemctl('stop', `${guard}.timer`);
      const start = ['systemctl', 'start', '--no-block', `${name}.service`];
      const timer = [`--unit=${guard}`, `--on-active=${GUARD_S}`, '--collect', '--quiet', ...start];
      expectDone('systemd-run', timer, run('systemd-run', timer));
      expectDone('systemctl', ['stop', name], systemctl('stop', `${name}.service`));
    },
    start: async () => {
      systemctl('reset-failed', `${name}.service`);
      expectDone('systemctl', ['start', name], systemctl('start', '--no-block', `${name}.service`));
    },
    isHealthy: async (withinMs) => {
      const lateMs = clock.monotonicMs() + withinMs;
      let [ready, sinceMs] = ['', 0];
      while (clock.monotonicMs() < lateMs + STAYS_MS) {
        const now = shown();
        if (!/SubState=running/.test(now)) ready = '';
        else if (ready !== now) [ready, sinceMs] = [now, clock.monotonicMs()];
        else if (clock.monotonicMs() - sinceMs >= STAYS_MS) return true;
        if (ready === '' && (clock.monotonicMs() > lateMs || /ActiveState=failed/.test(now))) return false;
        await clock.sleep(LOOK_MS);
      }
      return false;
    },
    release: async () => void systemctl('stop', `${guard}.timer`),
  };
}

/** A doorbell that a person starts by hand: it must not be running; the update starts it for the trial and ends it. */
export function doorbellByHand(deps: UpdatedDoorbellDeps, data: string): WatchedDoorbell {
  const { clock, programs } = deps;
  let child: ChildProcess | null = null;
  let output = '';
  const isRunning = () => child !== null && child.exitCode === null && child.signalCode === null;
  const end = async () => {
    if (!child || !isRunning()) return;
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    const timer = clock.after(STOP_MS_MAX, () => child?.kill('SIGKILL'));
    await closed;
    timer.cancel();
  };
  return {
    data,
    identity: identityOf,
    format: (folder) => storedFormat(deps.disk, folder),
    stop: async () => {
      await end();
      const holder = folderHolder(data);
      if (holder !== null) throw failure('data_folder_locked', { folder: data, pid: holder });
    },
    start: async () => {
      output = '';
      const program = join(programs, 'current', RELEASED_LAUNCHER);
      // The doorbell must not outlive this process.
      const [command = '', ...rest] = diesWithUs([
        process.execPath,
        program,
        ...runWords(program),
        '--data',
        data,
        '--json',
      ]);
      child = spawn(command, rest, {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      child.stdout?.on('data', (chunk: Buffer) => (output = `${output}${chunk}`.slice(-65_536)));
    },
    isHealthy: async (withinMs) => {
      const lateMs = clock.monotonicMs() + withinMs;
      while (!output.includes('"event":"ready"')) {
        if (!isRunning() || clock.monotonicMs() > lateMs) return false;
        await clock.sleep(LOOK_MS);
      }
      await clock.sleep(STAYS_MS);
      return isRunning();
    },
    release: end,
  };
}

/** The id and key of the doorbell in a folder, which root reads for a service's user; null before its first start. */
export async function identityOf(data: string): Promise<{ id: string; key: string } | null> {
  const key = await loadDeviceKey(new SystemDisk('own', ownerForRoot(data)), data);
  return key && { id: deviceIdOf(key), key: key.publicKey };
}

function systemctl(...args: string[]) {
  return run('systemctl', args);
}

function run(name: string, args: readonly string[]) {
  return spawnSync(name, args, { encoding: 'utf8', timeout: COMMAND_MS_MAX });
}

function expectDone(name: string, args: readonly string[], done: ReturnType<typeof run>): void {
  if (done.status === 0) return;
  const { error, stderr } = done;
  const detail = (error ? String(error) : stderr).trim().slice(0, 500) || `it ended with ${done.status}.`;
  throw failure('board_command_failed', { command: [name, ...args].join(' '), detail });
}
