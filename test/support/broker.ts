// Owns: a real broker for tests, on a free port, with accounts in a folder of its own; and links into it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AccountWish, issueAccount } from '../../device/base/account-folder.ts';
import { type Clock, SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { MqttLink, type MqttLinkOptions } from '../../device/base/mqtt-link.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { failure } from '../../device/protocol/errors.ts';
import { DEFAULT_PREFIX, PAYLOAD_BYTES_MAX } from '../../device/protocol/topics.ts';
import { Broker } from '../../sim/broker/broker.ts';
import type { BrokerLimits } from '../../sim/broker/broker-limits.ts';

export interface TestBroker {
  broker: Broker;
  /** Folder of account files. */
  accounts: string;
  port: number;
  url: string;
  /** Issues (or re-issues) an account. */
  issue(wish: AccountWish): Promise<{ user: string; password: string }>;
  /** A link, not started; stopped by `stop` if the test does not. With a fresh password unless `changes` has one. */
  link(wish: AccountWish, changes?: Partial<MqttLinkOptions>): Promise<MqttLink>;
  /** Ends the broker; `resume` starts another on the same port and accounts. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

export async function startBroker(
  options: { limits?: Partial<BrokerLimits>; clock?: Clock; port?: number } = {},
): Promise<TestBroker> {
  const accounts = await mkdtemp(join(tmpdir(), 'doorsill-broker-'));
  const [disk, random, clock] = [new SystemDisk(), new SystemRandom(), new SystemClock()];
  const make = (port: number) =>
    new Broker({
      host: '127.0.0.1',
      port,
      disk,
      accounts,
      prefix: DEFAULT_PREFIX,
      clock: options.clock ?? clock,
      log: silentLog(),
      ...(options.limits ? { limits: options.limits } : {}),
    });
  const links: MqttLink[] = [];
  let broker = make(options.port ?? 0);
  await broker.start();
  const { port } = broker;
  const issue = (wish: AccountWish) => issueAccount(disk, random, accounts, wish);
  return {
    get broker() {
      return broker;
    },
    accounts,
    port,
    url: broker.url,
    issue,
    async link(wish, changes = {}) {
      const link = new MqttLink({
        url: `mqtt://127.0.0.1:${port}`,
        ...(changes.user && changes.password ? { user: changes.user, password: changes.password } : await issue(wish)),
        payloadBytesMax: PAYLOAD_BYTES_MAX,
        unreachable: (where, detail) => failure('unreachable', { what: 'the broker', where, detail }),
        clock,
        random,
        log: silentLog(),
        ...changes,
      });
      links.push(link);
      return link;
    },
    pause: () => broker.stop(),
    async resume() {
      broker = make(port);
      await broker.start();
    },
    async stop() {
      await Promise.all(links.map((link) => link.stop()));
      await broker.stop();
      await rm(accounts, { recursive: true });
    },
  };
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
