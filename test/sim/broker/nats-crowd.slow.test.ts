// @module-tag long
// @module-tag nats
// When all doorbells of a NATS cluster reconnect at once, as after a proxy's restart, few filters are refused: refused ones are retried, and too
// many retries would never end.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MqttLink } from '../../../device/base/mqtt-link.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../device/contract/topics.ts';
import { linkTo } from '../../support/broker.ts';
import { proved } from '../../support/proved.ts';
import { NatsRoles } from './nats-roles.ts';

const topics = topicsUnder(DEFAULT_PREFIX);
const DOORBELLS = 400;
const CELL = '9q8yy';
/** What each doorbell listens to. */
const FILTERS = [topics.revocations, topics.areaRequests(CELL, 1), topics.areaSearches(CELL, 1)];

let folder: string;
let at: NatsRoles;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-nats-crowd-'));
  at = await NatsRoles.open(folder, 3);
}, 120_000);
const links: MqttLink[] = [];
afterAll(async () => {
  await Promise.all(links.map((link) => link.stop()));
  await at.close();
  await rm(folder, { recursive: true });
}, 120_000);

it('accepts all of them at once, and refuses less than a third of the filters', { timeout: 400_000 }, async (test) => {
  const account = await at.issue({ role: 'device-area', id: 'crowd' });
  await at.nats.reload();
  const refusals = () =>
    at.nats.nodes.reduce((sum, { said }) => sum + said.split('Unable to add JetStream consumer').length - 1, 0);
  const begunMs = performance.now();
  const granted = Array.from({ length: DOORBELLS }, async (_, number) => {
    const { host } = at.nats.nodes[number % at.nats.nodes.length] ?? { host: '' };
    const link = linkTo(`mqtt://${host}:${at.nats.port}`, account);
    links.push(link);
    const subscriptions = FILTERS.map((filter) => link.subscribe([filter], () => undefined));
    link.start();
    await link.reached(300_000);
    await expect
      .poll(
        () =>
          Promise.all(subscriptions.map((one) => one.granted())).then(
            () => true,
            () => false,
          ),
        {
          timeout: 300_000,
          interval: 250,
        },
      )
      .toBe(true);
  });
  await Promise.all(granted);
  const tookS = (performance.now() - begunMs) / 1_000;
  const figure = `granted in ${tookS.toFixed(1)} s, ${refusals()} of ${DOORBELLS * FILTERS.length} filters refused at first`;
  proved(test, `${DOORBELLS} doorbells at once at a cluster of NATS`, figure);
  expect(refusals(), figure).toBeLessThan(DOORBELLS);
});
