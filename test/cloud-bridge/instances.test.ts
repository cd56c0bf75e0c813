// An instance of a bridge checks its settings, leaves a publishing turn only when the broker has every message, and drains before it stops.
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BridgeConfig, parseConfig } from '../../cloud-bridge/bridge-config.ts';
import { drain, Health } from '../../cloud-bridge/http/health.ts';
import { AcknowledgedTurns, brokerAccountId } from '../../cloud-bridge/instances.ts';
import { ALONE } from '../../cloud-bridge/persistence/instance-turns.ts';
import { S3_BYTES_MAX } from '../../cloud-bridge/persistence/s3-bucket.ts';
import { ManualClock } from '../../device/base/clock.ts';
import { generateSigningKey } from '../../device/base/keys.ts';
import { SystemRandom } from '../../device/base/random.ts';

const KEY = generateSigningKey(new SystemRandom()).publicKey;
const s3 = { endpoint: 'https://s3.example', bucket: 'clips', keyId: 'k' };
const config = (changes: object = {}) =>
  parseConfig(
    BridgeConfig,
    {
      dataFolder: '/x',
      database: 'postgres://doorsill@db.example/doorsill',
      instance: { name: 'a', secretsFolder: '/etc/doorsill', s3 },
      registry: { url: 'https://registry.example', key: KEY },
      area: { url: 'mqtts://broker.example', accounts: '/accounts' },
      ...changes,
    },
    'bridge.json',
  );

/** Moves the clock on and lets pending work run. */
async function pass(clock: ManualClock, byMs: number): Promise<void> {
  await clock.advance(byMs);
  await setImmediate();
}

it('is refused without a database, with documents that expire within a turn, or with clips too large for one bucket request', () => {
  expect(config().instance).toMatchObject({ name: 'a', drainS: 5 });
  const clipBytesMax = S3_BYTES_MAX + 1;
  const large = { clipBytesMax, openBytesPerDeviceMax: clipBytesMax, dayBytesPerDeviceMax: clipBytesMax };
  const wrong = [
    { database: undefined },
    { republishS: 600, documentLifeS: 1_199 },
    { intake: large },
    { instance: { name: 'A-1', secretsFolder: '/etc/doorsill', s3 } },
    { instance: { name: 'a', secretsFolder: 'doorsill', s3 } },
    { instance: { name: 'a', secretsFolder: '/etc/doorsill', s3: { ...s3, endpoint: 'http://s3.example' } } },
  ];
  for (const changes of wrong) expect(() => config(changes), JSON.stringify(changes)).toThrow(/bridge\.json/);
});

it('has its own account at the broker: a second client of its name would end its session', () => {
  const { instance } = config();
  expect(brokerAccountId('bridge-1', { instance })).toBe('bridge-1-a');
  expect(brokerAccountId('bridge-1', {})).toBe('bridge-1');
});

describe('a turn of publishing', () => {
  function open(online = true) {
    const clock = new ManualClock(0);
    const acknowledge: (() => void)[] = [];
    const sent: string[] = [];
    const link = {
      state: online ? ({ online } as const) : ({ online, error: null } as const),
      publish: (topic: string) => {
        sent.push(topic);
        return new Promise<void>((resolve) => void acknowledge.push(resolve));
      },
    };
    return { clock, acknowledge, sent, link, turns: new AcknowledgedTurns(link, ALONE, clock) };
  }

  it('ends when the broker has acknowledged every message, even if no caller waited for that', async () => {
    const { turns, acknowledge, clock } = open();
    let isOver = false;
    const turn = turns
      .run('publish', async () => {
        for (const topic of ['one', 'two']) void turns.publish(topic, '{}', { retain: true });
      })
      .then(() => {
        isOver = true;
      });
    await pass(clock, 9_000);
    acknowledge[0]?.();
    await pass(clock, 0);
    expect(isOver).toBe(false);
    acknowledge[1]?.();
    await turn;
  });

  it('ends after ten seconds anyway: a silent broker must not hold up the other instances', async () => {
    const { turns, clock } = open();
    let isOver = false;
    const turn = turns
      .run('publish', async () => void turns.publish('one', '{}', { retain: true }))
      .then(() => {
        isOver = true;
      });
    await pass(clock, 0);
    await pass(clock, 9_999);
    expect(isOver).toBe(false);
    await pass(clock, 1);
    await turn;
  });

  it('is not taken while the broker is down, and no message is queued', async () => {
    const { turns, sent } = open(false);
    let done = 0;
    await turns.run('publish', async () => {
      done += 1;
    });
    await expect(turns.publish('one', '{}', { retain: true })).rejects.toMatchObject({ code: 'unreachable' });
    expect([done, sent]).toEqual([0, []]);
  });
});

describe('an instance that stops', () => {
  async function leave(idleAfterMs: number) {
    const clock = new ManualClock(0);
    const health = new Health(clock, { database: async () => true });
    expect([...(await health.look())]).toEqual([['database', true]]);
    const api = { idle: () => clock.sleep(idleAfterMs) };
    const seen: string[] = [];
    const left = drain({ clock, api, health }, { drainS: 5 }).then(() => void seen.push('left'));
    return { clock, health, seen, left };
  }

  it('reports at once that it drains, serves for the drain time, and ends with the last call', async () => {
    const { clock, health, seen, left } = await leave(2_000);
    expect([...(await health.look())]).toEqual([['draining', false]]);
    for (const ms of [4_999, 1, 1_999]) await pass(clock, ms);
    expect(seen).toEqual([]);
    await pass(clock, 1);
    await left;
  });

  it('waits at most half a minute for a running call', async () => {
    const { clock, seen, left } = await leave(3_600_000);
    await pass(clock, 5_000);
    await pass(clock, 29_999);
    expect(seen).toEqual([]);
    await pass(clock, 1);
    await left;
  });
});
