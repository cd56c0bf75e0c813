// Owns: a stock RabbitMQ with its MQTT plugin for tests, a node of its own on loopback, told by the files that
// `doorsill broker acl --for rabbitmq` writes and by nothing else. Not here: what is said on it.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SystemDisk } from '../../device/base/disk.ts';
import { type AccountWish, accountUser, issueAccount } from '../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { DEFAULT_PREFIX } from '../../device/protocol/topics.ts';
import { writeBrokerFiles } from '../../sim/broker/write-broker-files.ts';
import { freePort } from './mosquitto.ts';

/** Debian's wrapper in /usr/sbin changes user and folder; the scripts beside it do not. */
const SCRIPTS = '/usr/lib/rabbitmq/bin';
const START_MS_MAX = 120_000;
/** Longer than any test: a test run that was killed leaves no server behind for good. */
const LIFE_S_MAX = 900;
const run = promisify(execFile);

export interface KnownAccount {
  user: string;
  password: string;
}

export class RabbitMq {
  readonly port: number;
  private readonly folder: string;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly known = new Map<string, KnownAccount>();
  private child: ChildProcess | null = null;

  private constructor(folder: string, port: number, environment: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.port = port;
    this.environment = environment;
  }

  /** A node that knows an account for each wish. Takes several seconds. */
  static async start(wishes: readonly AccountWish[]): Promise<RabbitMq> {
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-rabbitmq-'));
    const [port, epmdPort, distributionPort] = [await freePort(), await freePort(), await freePort()];
    await writeFile(join(folder, 'environment.conf'), '');
    const broker = new RabbitMq(folder, port, {
      ...process.env,
      HOME: folder,
      RABBITMQ_NODENAME: `doorsill-${port}@localhost`,
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_CONF_ENV_FILE: join(folder, 'environment.conf'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq', 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'rabbitmq', 'enabled_plugins'),
      RABBITMQ_DIST_PORT: String(distributionPort),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      ERL_EPMD_PORT: String(epmdPort),
      ERL_EPMD_ADDRESS: '127.0.0.1',
    });
    for (const wish of wishes) await broker.issue(wish);
    await broker.write();
    await broker.resume();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** The account of a wish. */
  account(wish: AccountWish): KnownAccount {
    const account = this.known.get(accountUser(wish));
    if (!account) throw new Error(`the node was not told of ${accountUser(wish)}`);
    return account;
  }

  /** Issues an account in the folder; the node does not know it before `import`. */
  async issue(wish: AccountWish): Promise<KnownAccount> {
    const account = await issueAccount(new SystemDisk(), new SystemRandom(), join(this.folder, 'accounts'), wish);
    this.known.set(account.user, account);
    return account;
  }

  /** As the verb says to do after an enrolment. */
  async import(): Promise<void> {
    await this.write();
    await this.control('import_definitions', join(this.folder, 'rabbitmq', 'definitions.json'));
  }

  async control(...args: string[]): Promise<void> {
    await run(join(SCRIPTS, 'rabbitmqctl'), args, { env: this.environment });
  }

  async pause(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.kill('SIGTERM');
    await ended;
  }

  /** Starts the node with what it has on its disk, until it takes MQTT connections. */
  async resume(): Promise<void> {
    const child = spawn('timeout', [String(LIFE_S_MAX), join(SCRIPTS, 'rabbitmq-server')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: this.environment,
    });
    this.child = child;
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const endMs = performance.now() + START_MS_MAX;
    while (!(/completed with \d+ plugins/.test(said) && (await isOpen(this.port)))) {
      if (child.exitCode !== null || performance.now() > endMs)
        throw new Error(`RabbitMQ did not start; tests need the Debian package rabbitmq-server (.ci/run)\n${said}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Ends the node and the name service that Erlang started for it. */
  async stop(): Promise<void> {
    await this.pause();
    await run('epmd', ['-kill'], { env: this.environment }).catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async write(): Promise<void> {
    const access = { disk: new SystemDisk(), accounts: join(this.folder, 'accounts'), prefix: DEFAULT_PREFIX };
    const wish = { host: '127.0.0.1', port: this.port, folder: join(this.folder, 'rabbitmq'), systemUser: '' };
    await writeBrokerFiles('rabbitmq', access, wish);
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
