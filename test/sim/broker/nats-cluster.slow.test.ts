// @module-tag nats
// Holds: three nodes that `doorsill broker acl --nats --cluster` describes keep the contract's table between them as one node does.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_PREFIX, topicsUnder } from '../../../device/protocol/topics.ts';
import { proved } from '../../support/proved.ts';
import { heardBy, hears, judgeRoles, NatsRoles, subscribe } from './nats-roles.ts';

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
  it('publish and hear at every node what the contract gives them and nothing else', async (context) => {
    const judged = await judgeRoles(at);
    proved(context, 'roles by topics and wildcards on a NATS cluster: what was delivered', `${judged} judged, 0 leaks`);
  }, 300_000);

  it('find retained at each node what was acknowledged at another, by topic and by wildcard', async (context) => {
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

  it('end at one node a session of another by its client id, and get nothing that was kept for it', async (context) => {
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
});
