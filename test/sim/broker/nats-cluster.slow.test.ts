// @module-tag nats
// Three nodes with the files of `doorsill bridge broker acl --nats --cluster` enforce the contract's table together, like one node.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_PREFIX, topicsUnder } from '../../../device/contract/topics.ts';
import { proved } from '../../support/proved.ts';
import { heardBy, hears, judgeRoles, listenersOf, NatsRoles, roles, spoken, subscribe } from './nats-roles.ts';

const topics = topicsUnder(DEFAULT_PREFIX);
const START_MS_MAX = 120_000;

let folder: string;
let at: NatsRoles;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-nats-cluster-'));
  at = await NatsRoles.open(folder, 3);
}, START_MS_MAX);
afterEach(() => at.leave());
afterAll(async () => {
  await at.close();
  await rm(folder, { recursive: true });
}, START_MS_MAX);

describe('the accounts at a cluster of NATS nodes', () => {
  it('publish and receive at every node exactly what the contract permits', async (context) => {
    const judged = await judgeRoles(at);
    proved(context, 'roles by topics and wildcards on a NATS cluster: what was delivered', `${judged} judged, 0 leaks`);
  }, 300_000);

  it('find at each node the retained messages that were acknowledged at another, by topic and by wildcard', async (context) => {
    const cells = Array.from({ length: 20 }, (_, number) => `cell-${number}`);
    const kept = cells.map((cell) => `${topics.areaRequests(cell, 1)} document of ${cell}`);
    const bridge = await at.enter('bridge', { node: 0 });
    for (const cell of cells)
      await bridge.publishAsync(topics.areaRequests(cell, 1), `document of ${cell}`, { qos: 1, retain: true });
    let found = 0;
    for (const node of at.nats.nodes.keys()) {
      for (const filters of [cells.map((cell) => topics.areaRequests(cell, 1)), [topics.areaRequests('+', 1)]]) {
        const ear = await at.enter('area', { node });
        const heard = heardBy(ear);
        await subscribe(ear, filters);
        await hears(heard, kept);
        found += kept.length;
      }
    }
    proved(
      context,
      'documents retained on a NATS cluster, found at each node by topic and wildcard',
      `${found} of ${found}`,
    );
  }, 60_000);

  it('can end a session at another node by its client id, but get nothing of its messages', async (context) => {
    const clientId = 'known-to-somebody-else';
    const event = topics.event('device-1');
    const first = await at.enter('owner', { node: 0, clientId, clean: false });
    await subscribe(first, [event]);
    const ended = new Promise<void>((resolve) => first.once('close', () => resolve()));
    const device = await at.enter('device', { node: 2 });
    const thief = await at.enter('area', { node: 1, clientId, clean: false });
    const heard = heardBy(thief);
    await ended;
    await device.publishAsync(event, 'while it was taken over', { qos: 1 });
    await subscribe(thief, [topics.revocations]);
    const bridge = await at.enter('bridge', { node: 2 });
    await bridge.publishAsync(topics.revocations, 'a list', { qos: 1, retain: true });
    await hears(heard, [`${topics.revocations} a list`]);
    await subscribe(thief, [event]);
    expect([...heard].filter((one) => one.startsWith(event))).toEqual([]);
    proved(
      context,
      'client id of another account at another NATS node',
      'its session ends, 0 of its messages delivered',
    );
  }, 60_000);

  it('log in only by MQTT, and no account opens the port between the nodes', async () => {
    for (const node of at.nats.nodes) {
      expect(listenersOf(node)).toEqual([
        `MQTT clients on mqtt://${node.host}:PORT`,
        'client connections on 127.0.0.1:PORT',
        `route connections on ${node.host}:PORT`,
      ]);
      const port = (what: string) => Number(new RegExp(`${what} on [0-9.]+:(\\d+)`).exec(node.said)?.[1]);
      const say = (user: string, pass: string) =>
        `CONNECT ${JSON.stringify({ user, pass, name: 'x', verbose: true, lang: 'x', version: '1' })}\r\nPING\r\n`;
      for (const role of roles) {
        const { user, password } = at.accountOf(role);
        const answer = await spoken(port('client connections'), say(user, password));
        expect(answer, role).toContain("-ERR 'Authorization Violation'");
        expect(answer, role).not.toContain('PONG');
        for (const name of [user, 'node']) {
          const between = await spoken(port('route connections'), say(name, password), node.host);
          expect(between, role).toContain("-ERR 'Authorization Violation'");
          expect(between, role).not.toContain('PONG');
        }
      }
      expect(await spoken(port('route connections'), 'PING\r\n', node.host)).not.toContain('PONG');
    }
  }, 60_000);
});
