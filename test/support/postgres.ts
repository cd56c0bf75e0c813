// A PostgreSQL server of a test's own, from Debian's package, on a loopback port and a socket in a temporary folder, that can be killed and
// started again on what it had written.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { descendants, isAlive } from './processes.ts';

const PACKAGE = '/usr/lib/postgresql';
const START_MS_MAX = 30_000;
/** The password of the user `doorsill`, who may do anything. */
export const PASSWORD = 'open sesame: 100%';

/** The folder of the newest server's programs. Without it a test fails rather than passes. */
export function postgresPrograms(): string {
  const versions = existsSync(PACKAGE) ? readdirSync(PACKAGE).filter((name) => /^\d+$/.test(name)) : [];
  const [newest] = versions.sort((a, b) => Number(b) - Number(a));
  if (!newest) throw new Error('tests need the Debian package postgresql (.ci/run installs it)');
  return join(PACKAGE, newest, 'bin');
}

/** The user that the server runs as: it refuses to be root. */
function account(): { uid: number; gid: number } | Record<string, never> {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export class PostgresServer {
  readonly folder: string;
  readonly port: number;
  private child: ChildProcess | null = null;
  /** What it has said so far. */
  log = '';

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  /** A fresh one, running. */
  static async open(port: number): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), 'doorsill-postgres-'));
    const user = account();
    if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
    const password = join(folder, 'password');
    writeFileSync(password, PASSWORD);
    if (user.uid !== undefined) chownSync(password, user.uid, user.gid);
    const server = new PostgresServer(folder, port);
    try {
      const how = [
        '--auth-local=trust',
        '--auth-host=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C.UTF-8',
        '--locale-provider=icu',
        '--icu-locale=en',
        '--no-sync',
      ];
      execFileSync(
        join(postgresPrograms(), 'initdb'),
        ['-D', server.data, '-U', 'doorsill', '--pwfile', password, ...how],
        {
          ...user,
          cwd: folder,
          stdio: 'pipe',
        },
      );
      await server.start();
      return server;
    } catch (thrown) {
      await server.dispose();
      throw thrown;
    }
  }

  /** A standby of a running one, which streams from it and can be read. */
  static async standbyOf(primary: PostgresServer, port: number): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), 'doorsill-postgres-'));
    const user = account();
    if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
    const server = new PostgresServer(folder, port);
    try {
      const from = ['-h', primary.folder, '-p', String(primary.port), '-U', 'doorsill'];
      const how = ['-D', server.data, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'];
      execFileSync(join(postgresPrograms(), 'pg_basebackup'), [...from, ...how], {
        ...user,
        cwd: folder,
        stdio: 'pipe',
      });
      await server.start();
      return server;
    } catch (thrown) {
      await server.dispose();
      throw thrown;
    }
  }

  /** Its first process; 0 while it does not run. */
  get pid(): number {
    return this.child?.pid ?? 0;
  }

  /** A copy of a file that the server alone can read; returns its path. */
  give(file: string, name: string): string {
    const path = join(this.folder, name);
    copyFileSync(file, path);
    chmodSync(path, 0o600);
    const user = account();
    if (user.uid !== undefined) chownSync(path, user.uid, user.gid);
    return path;
  }

  private get data(): string {
    return join(this.folder, 'data');
  }

  /** Starts it again on what it had written; resolves when it takes connections. */
  async start(settings: Record<string, string> = {}): Promise<void> {
    const all = {
      port: String(this.port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: this.folder,
      ...settings,
    };
    const words = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const stdio = ['ignore', 'ignore', 'pipe'] as const;
    const started = performance.now();
    this.child = spawn(join(postgresPrograms(), 'postgres'), ['-D', this.data, ...words], {
      ...account(),
      cwd: this.folder,
      stdio: [...stdio],
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
    });
    for (;;) {
      const answer = await this.ask('select 1', 'postgres').catch((thrown: unknown) => thrown);
      if (!(answer instanceof Error)) return;
      const late = performance.now() - started > START_MS_MAX;
      if (late || this.child.exitCode !== null)
        throw new Error(`PostgreSQL did not start: ${answer.message}\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** As when the machine loses its power: every process of it at once. */
  async kill(): Promise<void> {
    const { child } = this;
    if (!child?.pid) return;
    const all = [child.pid, ...descendants(child.pid)];
    const gone = new Promise((resolve) => child.once('close', resolve));
    for (const pid of all) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    await gone;
    while (all.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 10));
    this.child = null;
  }

  /** Lets it end in its own time, at once for whoever is connected. */
  async stop(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGINT');
    await gone;
    this.child = null;
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A new empty database; returns its address over the socket. */
  async database(name: string): Promise<string> {
    await this.ask(`create database ${name}`, 'postgres');
    return this.socketUrl(name);
  }

  socketUrl(database: string, user = 'doorsill'): string {
    return `postgres://${user}@localhost:${this.port}/${database}?host=${this.folder}`;
  }

  /** Its address by TCP, where a password is asked for. */
  url(database: string, password: string = PASSWORD, user = 'doorsill'): string {
    return `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${this.port}/${database}`;
  }

  /** Runs a statement, as somebody with the database could. */
  async ask(text: string, database: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ host: this.folder, port: this.port, user: 'doorsill', database });
    // What happens to it after its answer is nobody's concern.
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }
}
