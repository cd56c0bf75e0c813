// A real broker for tests, embedded, mosquitto or a NATS cluster, on a free port, with accounts in a folder of its own; and links into it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { type AccountWish, issueAccount } from '../../device/base/mqtt-account-files.ts';
import { MqttLink, type MqttLinkOptions } from '../../device/base/mqtt-link.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { failure } from '../../device/contract/errors.ts';
import { DEFAULT_PREFIX, PAYLOAD_BYTES_MAX } from '../../device/contract/topics.ts';
import { Broker } from '../../sim/broker/broker.ts';
import type { BrokerLimits } from '../../sim/broker/broker-limits.ts';
import type { TlsListenerOptions } from '../../sim/broker/tls-listener.ts';
import { Mosquitto } from './mosquitto.ts';
import { Nats } from './nats.ts';

/** Brokers that a suite can run on; all are told of accounts by what the product writes. */
export const BROKERS = ['embedded', 'mosquitto'] as const;
/** `nats`: three nodes, of which the first is talked to. A start takes several seconds, for they elect leaders. */
export type BrokerKind = (typeof BROKERS)[number] | 'nats';

export interface TestBroker {
  kind: string;
  /** The embedded one itself; throws when it is another. */
  broker: Broker;
  /** Folder of account files. */
  accounts: string;
  port: number;
  url: string;
  /** Issues (or re-issues) an account. */
  issue(wish: AccountWish): Promise<{ user: string; password: string }>;
  /** After a change in the account folder that did not come by `issue`. */
  reload(): Promise<void>;
  /** A link, not started; stopped by `stop` if the test does not. With a fresh password unless `changes` has one. */
  link(wish: AccountWish, changes?: Partial<MqttLinkOptions>): Promise<MqttLink>;
  /** Ends the broker; `resume` starts another on the same port and accounts. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** Limits, clock and port are the embedded broker's to take. */
export async function startBroker(
  options: {
    kind?: BrokerKind;
    limits?: Partial<BrokerLimits>;
    clock?: Clock;
    port?: number;
    tls?: TlsListenerOptions;
  } = {},
): Promise<TestBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-broker-'));
  const [disk, random, clock] = [new SystemDisk(), new SystemRandom(), new SystemClock()];
  const accounts = join(folder, 'accounts');
  const access = { disk, accounts, prefix: DEFAULT_PREFIX };
  const make = async (port: number): Promise<Broker | Mosquitto | Nats> => {
    if (options.kind === 'mosquitto') return Mosquitto.start(access, join(folder, 'mosquitto'), port);
    if (options.kind === 'nats') return Nats.start(access, join(folder, 'nats'), 3, port);
    const broker = new Broker({
      ...access,
      host: '127.0.0.1',
      port,
      clock: options.clock ?? clock,
      log: silentLog(),
      ...(options.limits ? { limits: options.limits } : {}),
      ...(options.tls ? { tls: options.tls } : {}),
    });
    await broker.start();
    return broker;
  };
  const links: MqttLink[] = [];
  let broker = await make(options.port ?? 0);
  const { port } = broker;
  const url = `${options.tls ? 'mqtts' : 'mqtt'}://127.0.0.1:${port}`;
  const reload = async () => {
    if (!(broker instanceof Broker)) await broker.reload();
  };
  const issue = async (wish: AccountWish) => {
    const account = await issueAccount(disk, random, accounts, wish);
    await reload();
    return account;
  };
  return {
    kind: options.kind ?? 'embedded',
    get broker() {
      if (!(broker instanceof Broker)) throw new Error(`this broker is a ${options.kind}`);
      return broker;
    },
    accounts,
    port,
    url,
    issue,
    reload,
    async link(wish, changes = {}) {
      const { user, password } = changes;
      const account = user && password ? { user, password } : await issue(wish);
      const link = linkTo(url, account, changes);
      links.push(link);
      return link;
    },
    pause: () => broker.stop(),
    async resume() {
      broker = await make(port);
    },
    async stop() {
      await Promise.all(links.map((link) => link.stop()));
      await broker.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** A link to a broker, not started. */
export function linkTo(
  url: string,
  account: { user: string; password: string },
  changes: Partial<MqttLinkOptions> = {},
): MqttLink {
  return new MqttLink({
    url,
    ...account,
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    unreachable: (where, detail) => failure('unreachable', { what: 'the broker', where, detail }),
    clock: new SystemClock(),
    random: new SystemRandom(),
    log: silentLog(),
    ...changes,
  });
}

/** Resolves with the next `count` values given to the returned `take`. */
export function collector<Value>(): { take: (value: Value) => void; next: () => Promise<Value>; all: Value[] } {
  const all: Value[] = [];
  const unread: Value[] = [];
  const waiting: ((value: Value) => void)[] = [];
  return {
    all,
    take: (value) => {
      all.push(value);
      const waiter = waiting.shift();
      if (waiter) waiter(value);
      else unread.push(value);
    },
    next: () => {
      const value = unread.shift();
      return value === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(value);
    },
  };
}
