// @module-tag nats
// @module-tag haproxy
// Effects on doorbells and a bridge when a node of a NATS cluster is killed, and the data after all were killed. Not a power cut: the system still
// writes the buffers of killed processes.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { MqttLink } from '../../../device/base/mqtt-link.ts';
import { diesWithUs } from '../../../device/base/system-programs.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../device/contract/topics.ts';
import { linkTo } from '../../support/broker.ts';
import { inFrontOfNats } from '../../support/haproxy.ts';
import { freePort } from '../../support/mosquitto.ts';
import { proved } from '../../support/proved.ts';
import { heardBy, hears, NatsRoles, type Role, subscribe } from './nats-roles.ts';

const topics = topicsUnder(DEFAULT_PREFIX);
const START_MS_MAX = 120_000;
const DOORBELLS = 6;
const TOPIC = topics.areaRequests('9q8yy', 1);
const PUBLISH_EVERY_MS = 200;
const BACK_MS_MAX = 120_000;

let folder: string;
let at: NatsRoles;
let proxy: ChildProcess;
let url: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-nats-outage-'));
  at = await NatsRoles.open(folder, 3);
  const port = await freePort();
  url = `mqtt://127.0.0.1:${port}`;
  await writeFile(join(folder, 'haproxy.cfg'), inFrontOfNats(port, at.nats));
  const [program = '', ...words] = diesWithUs(['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')]);
  proxy = spawn(program, words, {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/usr/local/sbin` },
  });
}, START_MS_MAX);
const links: MqttLink[] = [];
afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.stop()));
  await at.leave();
});
afterAll(async () => {
  const ended = new Promise<void>((resolve) => proxy.once('close', () => resolve()));
  proxy.kill('SIGKILL');
  await ended;
  await at.close();
  await rm(folder, { recursive: true });
}, START_MS_MAX);

interface Doorbell {
  link: MqttLink;
  heard: string[];
  /** How long it was offline at most, in milliseconds; Infinity while it is. */
  awayMs: number;
}

/** A doorbell's session by the proxy. An account has one session, so each has an account of its own. */
async function doorbell(number: number): Promise<Doorbell> {
  const account = await at.issue({ role: 'device-area', id: `bell-${number}` });
  await at.nats.reload();
  const bell: Doorbell = { link: linkTo(url, account, { single: true }), heard: [], awayMs: 0 };
  links.push(bell.link);
  bell.link.subscribe([TOPIC], ({ payload }) => bell.heard.push(new TextDecoder().decode(payload)));
  bell.link.start();
  await bell.link.reached(30_000);
  let sinceMs = 0;
  bell.link.onState(({ online }) => {
    if (!online && sinceMs === 0) sinceMs = performance.now();
    if (online) bell.awayMs = Math.max(bell.awayMs, performance.now() - sinceMs);
    if (online) sinceMs = 0;
  });
  return bell;
}

it('delivers to every doorbell soon after any one node was killed, without a gap to those at living nodes', async (context) => {
  const bells: Doorbell[] = [];
  for (let number = 0; number < DOORBELLS; number += 1) bells.push(await doorbell(number));
  const bridge = linkTo(url, at.accountOf('bridge'), { single: true });
  links.push(bridge);
  bridge.start();
  await bridge.reached(30_000);
  let next = 0;
  const publish = async (): Promise<string> => {
    next += 1;
    const document = `revision ${next}`;
    await bridge.publish(TOPIC, document, { retain: true });
    return document;
  };
  const [aways, heardAfter, deaf]: [number[], number[], number[]] = [[], [], []];
  for (const node of at.nats.nodes) {
    await expect
      .poll(async () => everyoneHas(bells, await publish()), { timeout: BACK_MS_MAX, interval: 1_000 })
      .toBe(true);
    for (const bell of bells) {
      bell.awayMs = 0;
      bell.heard.length = 0;
    }
    const acknowledged: string[] = [];
    for (let count = 0; count < 10; count += 1) acknowledged.push(await publish());
    const killedMs = performance.now();
    await node.end('SIGKILL');
    while (!(await everyoneHas(bells, acknowledged.at(-1) ?? '')) || acknowledged.length < 50) {
      acknowledged.push(await publish());
      await new Promise((resolve) => setTimeout(resolve, PUBLISH_EVERY_MS));
      expect(performance.now() - killedMs).toBeLessThan(BACK_MS_MAX);
    }
    heardAfter.push(performance.now() - killedMs);
    for (const bell of bells) {
      aways.push(bell.awayMs);
      // One that was never away has a session from before: nothing that was acknowledged may be missing.
      if (bell.awayMs === 0) deaf.push(acknowledged.filter((document) => !bell.heard.includes(document)).length);
    }
    await at.nats.run();
  }
  const away = aways.filter((ms) => ms > 0);
  const s = (ms: number) => (ms / 1_000).toFixed(1);
  proved(
    context,
    'a node of a NATS cluster killed, each in turn',
    `${away.length} of ${aways.length} links away, ${s(Math.max(0, ...away))} s at most; all current after ${heardAfter.map(s).join(', ')} s; ${deaf.reduce((sum, count) => sum + count, 0)} of what was acknowledged missed by the ${deaf.length} that stayed`,
  );
  expect(deaf.filter((count) => count > 0)).toEqual([]);
}, 400_000);

/** Whether it reaches all of them within three seconds. */
function everyoneHas(bells: readonly Doorbell[], document: string): Promise<boolean> {
  return expect
    .poll(() => bells.every(({ heard }) => heard.includes(document)), { timeout: 3_000 })
    .toBe(true)
    .then(
      () => true,
      () => false,
    );
}

/** A client at a cluster that may have no leader yet for what a session needs. */
async function letIn(role: Role, node: number): Promise<MqttClient> {
  for (const endMs = performance.now() + BACK_MS_MAX; ; ) {
    const client = await at.enter(role, { node }).catch(() => null);
    if (client) return client;
    expect(performance.now()).toBeLessThan(endMs);
  }
}

it('keeps each acknowledged retained document when all nodes are killed at once', async (context) => {
  const cells = Array.from({ length: 100 }, (_, number) => topics.areaRequests(`cell-${number}`, 1));
  const bridge = await letIn('bridge', 0);
  for (const topic of cells) await bridge.publishAsync(topic, `document on ${topic}`, { qos: 1, retain: true });
  await at.leave();
  const sinceMs = performance.now();
  await at.nats.stop('SIGKILL');
  await at.nats.run();
  const backMs = performance.now() - sinceMs;
  for (const node of at.nats.nodes.keys()) {
    const ear = await letIn('area', node);
    const heard = heardBy(ear);
    await expect.poll(() => subscribe(ear, [topics.areaRequests('+', 1)]), { timeout: 60_000 }).toHaveLength(1);
    await hears(
      heard,
      cells.map((topic) => `${topic} document on ${topic}`),
    );
  }
  proved(
    context,
    'all nodes of a NATS cluster killed at once',
    `${cells.length} of ${cells.length} retained documents at each node; let clients in after ${(backMs / 1_000).toFixed(1)} s`,
  );
}, 200_000);
