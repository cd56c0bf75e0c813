// A link in network trouble: a dead connection without an end, two clients of one account, many clients at once.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LogFacts, silentLog } from '../../../device/base/log.ts';
import type { MqttLink } from '../../../device/base/mqtt-link.ts';
import type { IncomingMessage } from '../../../device/base/mqtt-subscription.ts';
import { topicsUnder } from '../../../device/contract/topics.ts';
import { collector, startBroker, type TestBroker } from '../../support/broker.ts';
import { type CountingProxy, startCountingProxy } from '../../support/counting-proxy.ts';
import { proved } from '../../support/proved.ts';

const topics = topicsUnder('doorsill/v1');
const DEVICE = 'device-1';
const device = { role: 'device-home', id: DEVICE };
const owner = { role: 'owner', id: 'owner-1', homes: [DEVICE] };
const will = { topic: topics.status(DEVICE), payload: 'offline', retain: true };

let broker: TestBroker;
let proxy: CountingProxy;
beforeEach(async () => {
  broker = await startBroker();
  proxy = await startCountingProxy(broker.port);
});
afterEach(async () => {
  await broker.stop();
  await proxy.stop();
});

const through = () => `mqtt://127.0.0.1:${proxy.port}`;

function lost(link: MqttLink): Promise<string> {
  return new Promise((resolve) => {
    const forget = link.onState((state) => {
      if (state.online) return;
      forget();
      resolve(state.error?.message ?? '');
    });
  });
}

describe('a link', () => {
  it('finds out within two keepalives that the broker has gone silent, and reconnects', {
    tags: ['long'],
  }, async (test) => {
    const here = await broker.link(device, { url: through(), keepaliveS: 1 });
    here.start();
    await here.reached(5_000);
    const gone = lost(here);
    proxy.holdAnswers = true;
    const sinceMs = performance.now();
    expect(await gone).toMatch(/keepalive/i);
    const tookS = (performance.now() - sinceMs) / 1000;
    proxy.holdAnswers = false;
    await here.reached(20_000);
    await here.publish(topics.event(DEVICE), 'back');
    proved(test, 'half-open connection found, keepalive 1 s', `after ${tookS.toFixed(1)} s`);
  });

  it('is ended by the broker when it has gone silent, and its will is published', async () => {
    const there = await broker.link(owner);
    const heard = collector<IncomingMessage>();
    there.subscribe([topics.status(DEVICE)], heard.take);
    there.start();
    await there.reached(5_000);
    const here = await broker.link(device, { url: through(), keepaliveS: 1, will });
    here.start();
    await here.publish(topics.status(DEVICE), 'online', { retain: true });
    expect(new TextDecoder().decode((await heard.next()).payload)).toBe('online');
    proxy.swallow = true;
    expect(new TextDecoder().decode((await heard.next()).payload)).toBe('offline');
  });

  it('does not flood the broker when another client of its account ends its session again and again', {
    tags: ['long'],
  }, async () => {
    const account = await broker.issue(device);
    const one = await broker.link(device, { url: through(), ...account, single: true });
    const said = ({ state }: MqttLink) => `${state.online ? state.trouble : state.error}`;
    const two = await broker.link(device, { url: through(), ...account, single: true });
    let takeovers = 0;
    const enough = new Promise<void>((resolve) => {
      for (const link of [one, two]) {
        link.onState((state) => {
          if (!state.online) takeovers += 1;
          if (takeovers === 6) resolve();
        });
      }
    });
    const sinceMs = performance.now();
    one.start();
    await one.reached(5_000);
    two.start();
    await enough;
    // Each session was ended about three times: the waits had grown to at least 125, 250 and 500 ms.
    expect(performance.now() - sinceMs).toBeGreaterThan(800);
    expect(proxy.connections).toBeLessThanOrEqual(takeovers + 2);
    // Each reports the trouble, also while it is online.
    for (const link of [one, two])
      await expect.poll(() => said(link), { timeout: 30_000 }).toContain('a copy of this device’s card');
  });

  it('reconnects after an outage of the broker, not at the same time as all others, and sends queued messages', async () => {
    const there = await broker.link({ role: 'bridge', id: 'bridge-1' });
    there.start();
    await there.reached(5_000);
    const waitsMs = Array.from({ length: 40 }, (): number[] => []);
    const crowd = await Promise.all(
      waitsMs.map((waits, at) => {
        const log = { ...silentLog(), info: (_: string, facts?: LogFacts) => waits.push(Number(facts?.['retryInMs'])) };
        return broker.link({ role: 'device-home', id: `device-${at}` }, { url: through(), log });
      }),
    );
    for (const link of crowd) link.start();
    await Promise.all(crowd.map((link) => link.reached(20_000)));
    const before = proxy.connections;
    for (const waits of waitsMs) waits.length = 0;
    const gone = crowd.map(lost);
    proxy.refuse = true;
    await broker.pause();
    await Promise.all(gone);
    const sent = crowd.map((link, at) => link.publish(topics.event(`device-${at}`), 'said in between'));
    await broker.resume();
    proxy.refuse = false;
    await Promise.all(sent);
    // There is a wait before each try: no link tried more than a few times.
    expect(proxy.connections - before).toBeLessThan(crowd.length * 8);
    // Links that were online return within seconds, and less than half of them in any quarter of a second.
    const firstMs = waitsMs.map(([first = Number.NaN]) => first).sort((a, b) => a - b);
    expect(firstMs.every((wait) => wait <= 2_500)).toBe(true);
    expect(firstMs.every((wait, at) => (firstMs[at + 19] ?? Number.POSITIVE_INFINITY) - wait > 250)).toBe(true);
  });
});
