// HAProxy from Debian's package, on a configuration of a test's own; the configurations before two bridges and before nodes of NATS.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../layout/source-tree.ts';

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

/** The part of HAProxy's configuration that operators of two bridges are told to use, before these ports. */
export function inFrontOfBridges(port: number, { a, b }: { a: number; b: number }): string {
  const page = readFileSync(join(root, 'docs/operate.md'), 'utf8');
  const [, backends = ''] = /```haproxy\n([^`]*)```/.exec(page) ?? [];
  const here = backends.replaceAll('10.0.0.11:8700', `127.0.0.1:${a}`).replaceAll('10.0.0.12:8700', `127.0.0.1:${b}`);
  return `
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout check 10s

frontend doorsill
    bind 127.0.0.1:${port}
    # For tests alone: one instance.
    use_backend only_a if { req.hdr(x-only) a }
    use_backend only_b if { req.hdr(x-only) b }
    default_backend bridge

backend only_a
    server a 127.0.0.1:${a} send-proxy-v2

backend only_b
    server b 127.0.0.1:${b} send-proxy-v2

${here}`;
}

/** One address before all nodes; connections to a node that is gone are ended. */
export function inFrontOfNats(port: number, nats: { port: number; nodes: readonly { host: string }[] }): string {
  return `
listen nats
    bind 127.0.0.1:${port}
    mode tcp
    timeout connect 2s
    timeout client 90s
    timeout server 90s
    balance leastconn
    option redispatch
    default-server check inter 1s fall 2 rise 2 on-marked-down shutdown-sessions
${nats.nodes.map(({ host }, number) => `    server node-${number} ${host}:${nats.port}\n`).join('')}`;
}
