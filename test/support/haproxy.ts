// Owns: HAProxy from Debian's package, on a configuration of a test's own. Not here: what is behind it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAM = '/usr/sbin/haproxy';
const START_MS_MAX = 30_000;

export class Haproxy {
  private readonly child: ChildProcess;
  private readonly folder: string;
  /** What it has said so far. */
  log = '';

  private constructor(child: ChildProcess, folder: string) {
    this.child = child;
    this.folder = folder;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
    });
  }

  /** Starts one; resolves when it listens on `port`, which `configuration` has to bind. */
  static async open(configuration: string, port: number): Promise<Haproxy> {
    const folder = mkdtempSync(join(tmpdir(), 'doorsill-haproxy-'));
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, configuration);
    const one = new Haproxy(spawn(PROGRAM, ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] }), folder);
    const begun = performance.now();
    while (!(await listens(port))) {
      if (one.child.exitCode !== null || performance.now() - begun > START_MS_MAX) throw new Error(one.log);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return one;
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once('close', resolve));
    if (this.child.exitCode === null) {
      this.child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.folder, { recursive: true });
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
