// Holds: at its end, the embedded agency waits for a slow bridge's outstanding answer, and sends no more requests.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { openLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { FleetAgency } from '../../../sim/fleet/fleet-agency.ts';
import { FleetProfile } from '../../../sim/fleet/fleet-profile.ts';

const asked: ServerResponse[] = [];
let heard: (answer: ServerResponse) => void = () => undefined;
const server = createServer((request, answer) => {
  request.resume();
  asked.push(answer);
  heard(answer);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

it('waits at its end for the outstanding answer, and asks no other area', async () => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const random = new SystemRandom();
  const areas = { centre: { percent: 50 }, hill: { percent: 50, eastM: 3_000 } };
  const questions = new FleetAgency({
    ...{ clock: new SystemClock(), random, disk: new SystemDisk(), log: openLog('silent', 'test') },
    bridge: { id: 'bridge', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    agencyKey: generateSigningKey(random),
    town: FleetProfile.parse({ town: { areas } }).town,
    everyMs: 10,
  });
  const first = new Promise<ServerResponse>((resolve) => {
    heard = resolve;
  });
  questions.start();
  const answer = await first;
  let isOver = false;
  const over = questions.stop().then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  answer.writeHead(503).end();
  await over;
  expect([questions.asked, [...questions.refused]]).toEqual([0, [['unreachable', 1]]]);
  expect(asked).toHaveLength(1);
});
