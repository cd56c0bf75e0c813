// The real device program in its namespace: started as by a user, crashed, restarted; its output is kept.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { SystemClock } from '../../../../device/base/clock.ts';
import { root } from '../../../layout/source-tree.ts';
import type { Namespace } from './namespace.ts';

const PROGRAM = join(root, 'sim/dist/cli/entry.js');
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 15_000;
const clock = new SystemClock();

const readySchema = z.looseObject({ event: z.literal('ready'), device: z.string(), socket: z.string() });
/** The device's ready line. */
export type DeviceReady = z.infer<typeof readySchema>;

export interface DeviceProcessOptions {
  namespace: Namespace;
  folder: string;
  /** The process's working folder, which is searched afterwards. */
  cwd: string;
  environment: Record<string, string>;
  /** Crashes leave a core dump, if the machine writes any, and node's reports, in `cwd`. */
  tellsAll: boolean;
}

export class DeviceProcess {
  /** Stdout and stderr of all processes so far. */
  printed = '';
  private readonly options: DeviceProcessOptions;
  private child: ChildProcess | null = null;

  constructor(options: DeviceProcessOptions) {
    this.options = options;
  }

  get pid(): number {
    if (this.child?.pid === undefined) throw new Error('the device does not run');
    return this.child.pid;
  }

  /** Starts it and resolves with its ready line. `flags` are node's. */
  async start(args: readonly string[] = [], flags: readonly string[] = []): Promise<DeviceReady> {
    const { namespace, folder, cwd, environment, tellsAll } = this.options;
    const reports = tellsAll
      ? ['--report-on-fatalerror', '--report-uncaught-exception', '--report-on-signal', `--report-directory=${cwd}`]
      : [];
    const words = [...reports, ...flags, PROGRAM, 'device', '--data', folder, '--json', '--log', 'debug', ...args];
    const { PATH = '' } = process.env;
    const unlimited = tellsAll ? ['sh', '-c', 'ulimit -c unlimited; exec "$0" "$@"'] : [];
    const [command = '', ...rest] = [...unlimited, process.execPath, ...words];
    const child = namespace.spawn(command, rest, {
      cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH, DOORSILL_SUPERVISED: '1', ...environment },
    });
    this.child = child;
    return new Promise((resolve, reject) => {
      const timer = clock.after(READY_MS_MAX, () => reject(new Error(`the device is not ready:\n${this.printed}`)));
      let text = '';
      const take = (chunk: Buffer) => {
        this.printed += chunk.toString();
        return chunk.toString();
      };
      child.stderr?.on('data', take);
      child.stdout?.on('data', (chunk: Buffer) => {
        text += take(chunk);
        const line = text.split('\n').find((each) => each.includes('"ready"'));
        if (line === undefined || !text.includes(`${line}\n`)) return;
        timer.cancel();
        resolve(readySchema.parse(JSON.parse(line)));
      });
      child.once('exit', (code, signal) => {
        timer.cancel();
        this.child = null;
        reject(new Error(`the device ended (${signal ?? code}):\n${this.printed.slice(-4_000)}`));
      });
    });
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (!child) return;
    const ended = once(child, 'close');
    const timer = clock.after(STOP_MS_MAX, () => child.kill('SIGKILL'));
    child.kill(signal);
    await ended;
    timer.cancel();
  }
}
