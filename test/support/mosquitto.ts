// Owns: a stock mosquitto for tests, told by the files that `doorsill broker acl` writes and by nothing else.
// Not here: accounts and links (broker.ts).
import { type ChildProcess, spawn } from 'node:child_process';
import { type FSWatcher, watch } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { AccessOptions } from '../../sim/broker/account-login.ts';
import { type WrittenFiles, writeBrokerFiles } from '../../sim/broker/write-broker-files.ts';

const START_MS_MAX = 20_000;
/** Debian keeps it where only root's PATH leads. */
const PATH = `${process.env['PATH']}:/usr/sbin:/usr/local/sbin`;

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address && typeof address === 'object' ? address.port : 0));
    });
  });
}

export class Mosquitto {
  readonly port: number;
  readonly pid: number;
  private readonly child: ChildProcess;
  private refresh: (() => Promise<WrittenFiles>) | null = null;
  private accountsChanged: FSWatcher | null = null;
  private turn: Promise<void> = Promise.resolve();
  private readonly ended: Promise<void>;
  private log = '';
  private readonly watchers = new Set<() => void>();

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.port = port;
    this.pid = child.pid ?? 0;
    const noted = () => {
      for (const watcher of [...this.watchers]) watcher();
    };
    child.stderr?.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
      noted();
    });
    child.on('error', (error) => {
      this.log += `${error.message}: tests need the Debian package mosquitto (.ci/run installs it)`;
      noted();
    });
    this.ended = new Promise((resolve) => child.once('close', () => resolve()));
    child.once('close', noted);
  }

  /** Starts it with a configuration that is there, which says `port`. */
  static async run(configuration: string, port: number, environment: NodeJS.ProcessEnv = {}): Promise<Mosquitto> {
    const child = spawn('mosquitto', ['-c', configuration], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH, ...environment },
    });
    const broker = new Mosquitto(child, port);
    await broker.logged(/mosquitto version \S+ running/g, 1);
    return broker;
  }

  /** Writes its files into `folder`, starts it on `port` (a free one when it is 0), and follows the accounts from then on. */
  static async start(access: AccessOptions, folder: string, port = 0): Promise<Mosquitto> {
    const wish = { host: '127.0.0.1', port: port || (await freePort()), folder, systemUser: userInfo().username };
    const refresh = () => writeBrokerFiles('mosquitto', access, wish);
    await access.disk.makeFolder(access.accounts);
    await refresh();
    const broker = await Mosquitto.run(join(folder, 'mosquitto.conf'), wish.port);
    broker.refresh = refresh;
    // As `doorsill broker acl --watch` does, but at once.
    broker.accountsChanged = watch(access.accounts, () => void broker.reload().catch(() => undefined));
    return broker;
  }

  /** After an account has come or gone: as the verb says, its files once more and SIGHUP. */
  reload(): Promise<void> {
    this.turn = this.turn.catch(() => undefined).then(() => this.reloadNow());
    return this.turn;
  }

  private async reloadNow(): Promise<void> {
    if (!(await this.refresh?.())?.changed) return;
    const before = this.count(/Reloading config/g);
    this.child.kill('SIGHUP');
    await this.logged(/Reloading config/g, before + 1);
  }

  async stop(): Promise<void> {
    this.accountsChanged?.close();
    await this.turn.catch(() => undefined);
    this.child.kill('SIGTERM');
    await this.ended;
  }

  private count(what: RegExp): number {
    return [...this.log.matchAll(what)].length;
  }

  private logged(what: RegExp, times: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (call: () => void) => {
        clearTimeout(timer);
        this.watchers.delete(look);
        call();
      };
      const fail = () => end(() => reject(new Error(`mosquitto did not say ${what}:\n${this.log}`)));
      const look = () => {
        if (this.count(what) >= times) end(resolve);
        else if (this.child.exitCode !== null || this.child.pid === undefined) fail();
      };
      const timer = setTimeout(fail, START_MS_MAX);
      this.watchers.add(look);
      look();
    });
  }
}
