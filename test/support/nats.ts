// Servers of NATS for tests, one node or a cluster of three on loopback addresses, with the files that `doorsill bridge broker acl --for nats`
// writes and no other settings.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'mqtt';
import { SystemDisk } from '../../device/base/disk.ts';
import { issueAccount } from '../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { diesWithUs } from '../../device/base/system-programs.ts';
import type { AccessOptions } from '../../sim/broker/account-login.ts';
import { natsConfiguration, natsNodes } from '../../sim/broker/nats-files.ts';
import { writeBrokerFiles } from '../../sim/broker/write-broker-files.ts';
import { freePort } from './mosquitto.ts';

/**
 * A cluster that starts for the first time makes five streams of three copies, each with an election: on a busy machine that takes a minute.
 * Less than what a hook may take, so that a failure shows what the nodes said.
 */
const START_MS_MAX = 120_000;
/** A first start that takes longer than this, or than that after a node was started again, has left a node out. */
const LEFT_OUT_MS = 40_000;
const AGAIN_MS = 10_000;
const LOOK_EVERY_MS = 50;
const LOG_LETTERS = 10_000_000;
/** Debian keeps it where only root's PATH leads. */
const MORE_PATH = ':/usr/sbin:/usr/local/sbin';
/** Every one of Linux' 127.0.0.0/8 is this machine's: each node has the same ports at an address of its own. */
const CLUSTER = [
  { name: 'a', host: '127.0.0.1' },
  { name: 'b', host: '127.0.0.2' },
  { name: 'c', host: '127.0.0.3' },
];
/** An account that no test uses: it tells when a node lets clients in. */
const PROBE = { role: 'bridge', id: 'probe' };

/** One nats-server process. */
export class NatsNode {
  readonly host: string;
  readonly configuration: string;
  private child: ChildProcess | null = null;
  private ended: Promise<void> = Promise.resolve();
  private log = '';

  constructor(host: string, configuration: string) {
    this.host = host;
    this.configuration = configuration;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** All that it said since it was started. */
  get said(): string {
    return this.log;
  }

  /** Starts the process, with what it has on its disk. Resolves when it listens; a node of a cluster may wait for others. */
  async run(): Promise<void> {
    const [program = '', ...rest] = diesWithUs(['nats-server', '-c', this.configuration]);
    const env = { ...process.env, PATH: `${process.env['PATH']}${MORE_PATH}` };
    const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'], env });
    this.log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.log = (this.log + text).slice(-LOG_LETTERS);
    });
    child.on('error', (thrown) => {
      this.log += thrown.message;
    });
    this.ended = new Promise((resolve) => child.once('close', () => resolve()));
    this.child = child;
    await this.until('it listens', () => this.log.includes('Server is ready'));
  }

  /** Resolves when it is so. Rejects when it is not in two minutes, or the process has ended. */
  async until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const endMs = performance.now() + START_MS_MAX;
    while (!(await isSo())) {
      if (!this.isRunning || performance.now() > endMs)
        throw new Error(
          `nats-server, ${what}: not so; tests need the Debian package nats-server (.ci/run)\n${this.log}`,
        );
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** Makes it read its files again. */
  async reload(): Promise<void> {
    const count = () => this.log.split('Reloaded server configuration').length;
    const before = count();
    this.child?.kill('SIGHUP');
    await this.until('it reads its files again', () => count() > before);
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.child?.kill(signal);
    await this.ended;
  }
}

/** A node or a cluster that runs until it is stopped, or this process ends. */
export class Nats {
  readonly port: number;
  readonly nodes: readonly NatsNode[];
  private readonly write: () => Promise<{ changed: boolean }>;
  private readonly probe: { user: string; password: string };

  private constructor(
    port: number,
    nodes: NatsNode[],
    write: () => Promise<{ changed: boolean }>,
    probe: { user: string; password: string },
  ) {
    this.port = port;
    this.nodes = nodes;
    this.write = write;
    this.probe = probe;
  }

  /** Writes its files into `folder` and starts it; all nodes let clients in when it resolves. */
  static async start(access: AccessOptions, folder: string, size: 1 | 3, wantedPort = 0): Promise<Nats> {
    const nats = await Nats.prepare(access, folder, size, wantedPort);
    try {
      await nats.run();
      return nats;
    } catch (thrown) {
      await nats.stop('SIGKILL');
      throw thrown;
    }
  }

  /** Writes its files into `folder`; nothing runs yet. */
  static async prepare(access: AccessOptions, folder: string, size: 1 | 3, wantedPort = 0): Promise<Nats> {
    const [port, clusterPort, random] = [wantedPort || (await freePort()), await freePort(), new SystemRandom()];
    const cluster = size === 3 ? { nodes: CLUSTER, port: clusterPort, random } : null;
    const wish = { host: '127.0.0.1', port, folder, systemUser: '', ...(cluster ? { cluster } : {}) };
    await mkdir(access.accounts, { recursive: true });
    const probe = await issueAccount(new SystemDisk(), random, access.accounts, PROBE);
    const write = () => writeBrokerFiles('nats', access, wish);
    await write();
    const nodes = natsNodes(cluster).map(
      (name, at) => new NatsNode(CLUSTER[at]?.host ?? wish.host, join(folder, natsConfiguration(name))),
    );
    return new Nats(port, nodes, write, probe);
  }

  /** Starts the nodes that do not run, until all let clients in. */
  async run(): Promise<void> {
    await Promise.all(this.nodes.filter(({ isRunning }) => !isRunning).map((node) => node.run()));
    if (this.nodes.length > 1 && !(await this.letIn(LEFT_OUT_MS))) await this.startInTurn();
    for (const node of this.nodes) await node.until('it lets clients in', () => this.letsIn(node));
  }

  /**
   * What the steps of `doorsill bridge deploy nats` say to do: at about one of fifty first starts two nodes agree on a leader before they know of the
   * third, whose vote comes too late, and nats-server 2.10.27 does not look for it again until it is started anew.
   */
  private async startInTurn(): Promise<void> {
    console.log('a node of a NATS cluster was left out at its first start: nodes are started again');
    for (const node of this.nodes) {
      await node.end('SIGTERM');
      await node.run();
      if (await this.letIn(AGAIN_MS)) return;
    }
  }

  /** Whether all nodes let clients in within that time. */
  private async letIn(withinMs: number): Promise<boolean> {
    const endMs = performance.now() + withinMs;
    while (performance.now() < endMs) {
      const isIn = await Promise.all(this.nodes.map((node) => this.letsIn(node)));
      if (isIn.every(Boolean)) return true;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return false;
  }

  /** After an account has come or gone: writes the files once more, and resolves when every running node has read them. */
  async reload(): Promise<void> {
    if (!(await this.write()).changed) return;
    await Promise.all(this.nodes.filter(({ isRunning }) => isRunning).map((node) => node.reload()));
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end(signal)));
  }

  /** Whether a session can begin and end there: a node of a cluster needs a majority for it, and all nodes the first time. */
  letsIn({ host }: NatsNode): Promise<boolean> {
    const { user: username, password } = this.probe;
    const client = connect({
      host,
      port: this.port,
      username,
      password,
      clientId: `probe-${host}`,
      reconnectPeriod: 0,
    });
    client.on('error', () => undefined);
    return new Promise((resolve) => {
      let isIn = false;
      client.once('connect', () => {
        isIn = true;
        client.end();
      });
      client.once('close', () => resolve(isIn));
    });
  }
}
