// Runs a stock mosquitto with the files that `doorsill bridge broker acl` writes, and reloads them when accounts change.

import { type ChildProcess, spawn } from 'node:child_process';
import { type FSWatcher, watch } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type Clock, SystemClock } from '@doorsill/base/clock';
import { diesWithUs } from '@doorsill/base/system-programs';
import { failure, isFailure } from '../errors.ts';
import type { AccessOptions } from './account-login.ts';
import { CONFIGURATION } from './mosquitto-files.ts';
import { writeBrokerFiles } from './write-broker-files.ts';

const START_MS_MAX = 20_000;
const STARTS_MAX = 3;
/** Debian installs it in a folder that is only in root's PATH. */
const MORE_PATH = ':/usr/sbin:/usr/local/sbin';
const NOT_FOUND = 127;
const LOG_LETTERS = 20_000;

/** A port of the loopback address that was free a moment ago: mosquitto cannot choose one itself. */
function anyFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address && typeof address === 'object' ? address.port : 0));
    });
  });
}

/** A mosquitto process that runs until it is stopped or this process ends. */
export class Mosquitto {
  readonly port: number;
  readonly pid: number;
  private readonly clock: Clock;
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private log = '';
  /** Whether it has ended and its output was read. */
  private isClosed = false;
  private reloads = 0;
  private readonly watchers = new Set<() => void>();
  private turn: Promise<void> = Promise.resolve();
  private write: (() => Promise<{ changed: boolean }>) | null = null;
  private accountsChanged: FSWatcher | null = null;

  private constructor(child: ChildProcess, port: number, clock: Clock) {
    this.child = child;
    this.port = port;
    this.clock = clock;
    this.pid = child.pid ?? 0;
    const noted = () => {
      for (const watcher of [...this.watchers]) watcher();
    };
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.reloads += [...text.matchAll(/Reloading config/g)].length;
      this.log = (this.log + text).slice(-LOG_LETTERS);
      noted();
    });
    child.on('error', (thrown) => {
      this.log += thrown.message;
      noted();
    });
    this.ended = new Promise((resolve) => child.once('close', () => resolve()));
    child.once('close', () => {
      this.isClosed = true;
      noted();
    });
  }

  /** Starts it with an existing configuration, which contains `port`. Throws `mosquitto_failed` and leaves no process. */
  static async run(
    configuration: string,
    port: number,
    environment: NodeJS.ProcessEnv = {},
    clock: Clock = new SystemClock(),
  ): Promise<Mosquitto> {
    const [program = '', ...rest] = diesWithUs(['mosquitto', '-c', configuration]);
    const env = { ...process.env, PATH: `${process.env['PATH']}${MORE_PATH}`, ...environment };
    const broker = new Mosquitto(spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'], env }), port, clock);
    return broker.orKilled(async () => broker.until(() => /mosquitto version \S+ running/.test(broker.log)));
  }

  /**
   * Writes its files into `folder`, starts it on a port of the loopback address (0: a free one), and reloads whenever accounts change. Throws
   * `mosquitto_failed`.
   */
  static async start(access: AccessOptions, folder: string, port = 0): Promise<Mosquitto> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await Mosquitto.startOn(access, folder, port || (await anyFreePort()));
      } catch (thrown) {
        // Another program may take the free port before mosquitto does.
        const isTaken = isFailure(thrown) && thrown.message.includes('Address already in use');
        if (port !== 0 || !isTaken || tries === STARTS_MAX) throw thrown;
      }
    }
  }

  private static async startOn(access: AccessOptions, folder: string, port: number): Promise<Mosquitto> {
    const wish = { host: '127.0.0.1', port, folder, systemUser: userInfo().username };
    const write = () => writeBrokerFiles('mosquitto', access, wish);
    await access.disk.makeFolder(access.accounts);
    await write();
    const broker = await Mosquitto.run(join(folder, CONFIGURATION), port);
    broker.write = write;
    return broker.orKilled(async () => {
      // Like `doorsill bridge broker acl --watch`, but immediately.
      broker.accountsChanged = watch(access.accounts, () => void broker.reload().catch(() => undefined));
      // Accounts may have changed while it started.
      await broker.reload();
    });
  }

  /** Runs a part of its start; kills the process if that fails. */
  private async orKilled(work: () => Promise<void>): Promise<this> {
    try {
      await work();
      return this;
    } catch (thrown) {
      this.accountsChanged?.close();
      this.child.kill('SIGKILL');
      throw thrown;
    }
  }

  /** Writes the files again after an account changed; resolves once mosquitto has read them. Throws `mosquitto_failed`. */
  reload(): Promise<void> {
    this.turn = this.turn.catch(() => undefined).then(() => this.reloadNow());
    return this.turn;
  }

  private async reloadNow(): Promise<void> {
    if (!(await this.write?.())?.changed) return;
    const before = this.reloads;
    this.child.kill('SIGHUP');
    await this.until(() => this.reloads > before);
  }

  async stop(): Promise<void> {
    this.accountsChanged?.close();
    await this.turn.catch(() => undefined);
    this.child.kill('SIGTERM');
    await this.ended;
  }

  private get hasEnded(): boolean {
    return this.isClosed || this.child.pid === undefined;
  }

  private until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (call: () => void) => {
        timer.cancel();
        this.watchers.delete(look);
        call();
      };
      const fail = () => end(() => reject(failure('mosquitto_failed', { detail: this.failureDetail() })));
      const look = () => {
        if (isSo()) end(resolve);
        else if (this.hasEnded) fail();
      };
      const timer = this.clock.after(START_MS_MAX, fail);
      this.watchers.add(look);
      look();
    });
  }

  private failureDetail(): string {
    if (this.child.exitCode === NOT_FOUND || this.child.pid === undefined) return 'it is not installed.';
    return this.log.trim().split('\n').slice(-3).join(' ') || 'it printed nothing.';
  }
}
