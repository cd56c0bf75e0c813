// A message that arrives before a board's clock is set is passed on again when the clock is set, and not before.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AreaLink, type AreaMessage } from '../../../device/area-link/area-link.ts';
import { SystemClock, type Timer } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import type { MqttLink } from '../../../device/base/mqtt-link.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../device/contract/topics.ts';
import { collector, startBroker, type TestBroker } from '../../support/broker.ts';

const topics = topicsUnder(DEFAULT_PREFIX);

/** The machine's clock with a settable wall clock and shortened waits. */
class SetClock extends SystemClock {
  aheadUs = 0;
  looks = 0;
  override wallUs(): number {
    return super.wallUs() + this.aheadUs;
  }
  override after(delayMs: number, call: () => void): Timer {
    const isLook = delayMs === 2_000;
    return super.after(isLook || delayMs <= 400 ? delayMs / 100 : delayMs, () => {
      if (isLook) this.looks += 1;
      call();
    });
  }
}

let broker: TestBroker;
let bridge: MqttLink;
let area: AreaLink;
let clock: SetClock;
let inbox: ReturnType<typeof collector<AreaMessage>>;
beforeEach(async () => {
  broker = await startBroker();
  bridge = await broker.link({ role: 'bridge', id: 'bridge-1' });
  bridge.start();
  const account = await broker.issue({ role: 'device-area', id: 'device-1' });
  clock = new SetClock();
  const seams = { clock, random: new SystemRandom(), log: silentLog() };
  area = new AreaLink({ cell: '9v1', prefix: DEFAULT_PREFIX, url: broker.url, ...account, ...seams });
  inbox = collector<AreaMessage>();
  area.onMessage(inbox.take);
  area.start();
});
afterEach(async () => {
  await area.stop();
  await broker.stop();
});

const says = (text: string) => bridge.publish(topics.revocations, text, { retain: true });

it('keeps a message until the clock is set ahead, and passes it on once', async () => {
  await says('dated later');
  area.keepUntilSet(await inbox.next());
  await expect.poll(() => clock.looks).toBeGreaterThan(2);
  expect(inbox.all).toHaveLength(1);
  clock.aheadUs = 3_600_000_000;
  expect(await inbox.next()).toEqual({ kind: 'revocations', token: 'dated later' });
  const looks = clock.looks;
  await says('another');
  expect(await inbox.next()).toMatchObject({ token: 'another' });
  expect([inbox.all.length, clock.looks]).toEqual([3, looks]);
});

it('passes on none that was followed by another, and none after its end', async () => {
  await says('dated later');
  area.keepUntilSet(await inbox.next());
  await says('newer');
  const newer = await inbox.next();
  clock.aheadUs = 3_600_000_000;
  await expect.poll(() => clock.looks).toBeGreaterThan(0);
  await says('newest');
  expect(await inbox.next()).toMatchObject({ token: 'newest' });
  expect(inbox.all.map(({ token }) => token)).toEqual(['dated later', 'newer', 'newest']);
  await area.stop();
  const looks = clock.looks;
  area.keepUntilSet(newer);
  await clock.sleep(100);
  expect(clock.looks).toBe(looks);
});
