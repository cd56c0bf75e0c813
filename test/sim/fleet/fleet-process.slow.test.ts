// @module-tag long

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { z } from 'zod';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { type Log, silentLog } from '../../../device/base/log.ts';
import { freshId, SystemRandom } from '../../../device/base/random.ts';
import { TaskQueue } from '../../../device/base/task-queue.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { failure } from '../../../sim/errors.ts';
import { drawFleet } from '../../../sim/fleet/draw-fleet.ts';
import { type FleetContext, FleetDoorbell, type FleetLinks } from '../../../sim/fleet/fleet-doorbell.ts';
import { FleetLog } from '../../../sim/fleet/fleet-log.ts';
import { FleetProcess } from '../../../sim/fleet/fleet-process.ts';
import { FleetTally } from '../../../sim/fleet/fleet-process-tally.ts';
import { FleetProfile } from '../../../sim/fleet/fleet-profile.ts';
import { areaPolygon } from '../../../sim/fleet/home-placement.ts';
import { type Loop, makeLoop } from '../../../sim/fleet/loop.ts';
import { DueQueue } from '../../../sim/fleet/loop-schedule.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { startBroker, type TestBroker } from '../../support/broker.ts';
import { startCountingProxy } from '../../support/counting-proxy.ts';

const [clock, random, disk, ffmpeg] = [new SystemClock(), new SystemRandom(), new SystemDisk(), await findFfmpeg()];
const SCENE = { camera: 'synthetic?size=640x360', width: 320, height: 180, kbitPerS: 200, loop: '24s' } as const;
const PATIENCE = { timeout: 25_000, interval: 100 };

let loop: Loop;
let broker: TestBroker;
let bridge: BridgeFixture;
let folder: string;
const processes: FleetProcess[] = [];

beforeAll(async () => {
  const { scenes } = FleetProfile.parse({ scenes: { porch: SCENE } });
  const [scene] = Object.values(scenes);
  if (scene) loop = await makeLoop(scene, { ffmpeg, clock, log: silentLog() }, new AbortController().signal);
  broker = await startBroker();
  bridge = await BridgeFixture.open({ areaUrl: broker.url, accounts: broker.accounts });
  await bridge.admitAgency();
});
afterAll(async () => {
  await bridge.close();
  await broker.stop();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-fleet-'));
});
afterEach(async () => {
  for (const fleet of processes.splice(0)) await fleet.stop();
  await rm(folder, { recursive: true });
});

interface Running {
  fleet: FleetProcess;
  tally: FleetTally;
  profile: ReturnType<typeof FleetProfile.parse>;
}

/** The context of a process's doorbells. */
function surroundings(
  input: z.input<typeof FleetProfile>,
  links: Partial<FleetLinks> = {},
  log: Log = silentLog(),
): FleetContext {
  const profile = FleetProfile.parse({ ramp: '0s', ...input, scenes: { porch: SCENE } });
  return {
    ...{ clock, random, disk, log: new FleetLog(log, clock), ffmpeg, profile, tally: new FleetTally(), folder },
    timebase: { queue: new DueQueue(clock), clock, beganMs: clock.monotonicMs() },
    loops: new Map([['porch', loop]]),
    links: {
      home: { url: broker.url, accounts: broker.accounts },
      enrolmentCode: async () => (await bridge.bridge.printEnrolmentCode()).code,
      ...links,
    },
  };
}

function start(doorbells: number, ...around: Parameters<typeof surroundings>): Running {
  const those = surroundings(...around);
  const { profile, tally } = those;
  const fleet = new FleetProcess(drawFleet(profile, 7, doorbells), those, availableParallelism());
  processes.push(fleet);
  fleet.start();
  return { fleet, tally, profile };
}

/** The agency asks every home of the town's one area. */
async function ask({ profile }: Pick<Running, 'profile'>): Promise<void> {
  const [area] = Object.values(profile.town.areas);
  if (!area) throw new Error('a town has an area');
  const endUs = clock.wallUs();
  // An agency may post an investigation twice at most.
  const investigation = freshId(random, 'case');
  const window = { startUs: endUs - 15 * 60 * 1_000_000, endUs };
  const request = bridge.cast.request({ investigation, area: areaPolygon(profile.town, area), window });
  const answer = await bridge.post('/v1/requests', { request });
  expect(answer.status).toBe(201);
}

const has = (running: Running, counts: object) =>
  expect.poll(() => running.fleet.counts, PATIENCE).toMatchObject(counts);

it('runs doorbells whose owners answer a request, and the bridge gets every granted clip', async () => {
  const running = start(10, { owners: { share: 50, decline: 50 }, answerAfter: { from: '0s', to: '500ms' } });
  await has(running, { doorbells: 10, up: 10, failed: 0 });
  const shares = running.fleet.doorbells.filter(({ drawn }) => drawn.owner.answer === 'share').length;
  expect(shares).toBeGreaterThan(1);
  expect(shares).toBeLessThan(10);
  // Four seconds are shared; a ring has them a second after filming.
  await expect.poll(() => running.fleet.counts.segmentsStored, PATIENCE).toBeGreaterThanOrEqual(10 * 6);
  await ask(running);
  await has(running, { requests: 10, grants: shares, denials: 10 - shares, clipsStored: shares, clipsUnderWay: 0 });
  await running.fleet.stop();
  const { counts } = running.fleet;
  expect(counts).toMatchObject({ up: 0, clipsFailed: 0, refusals: 0, unbelieved: 0, segmentsLost: 0 });
  expect(counts.segmentsStored).toBe(counts.segmentsDue);
  expect(running.tally.codes.size).toBe(0);
  expect(running.tally.delivered.count).toBe(shares);
  // Each has its own key; no two have the same.
  const keys = await Promise.all(
    running.fleet.doorbells.map(({ home: { folder: own } }) => readFile(join(own, 'device.key'), 'utf8')),
  );
  expect(new Set(keys).size).toBe(10);
}, 60_000);

it('rings and notices motion at the drawn rates, and keeps the ring in a file if the profile says so', async () => {
  const running = start(3, { presses: 1_800, motions: 3_600, spread: 0, ring: { kind: 'file', length: '10s' } });
  await expect.poll(() => running.fleet.counts.presses, PATIENCE).toBeGreaterThan(3);
  await expect.poll(() => running.fleet.counts.motions, PATIENCE).toBeGreaterThan(0);
  for (const {
    home: { folder: own },
  } of running.fleet.doorbells)
    expect(await readdir(own)).toContain('ring');
  await running.fleet.stop();
  const { events } = running.fleet.counts;
  await clock.sleep(1_500);
  expect(running.fleet.counts.events).toBe(events);
});

it('tries retryable failures again, and gives up on others', async () => {
  const { code } = await bridge.bridge.printEnrolmentCode();
  let asked = 0;
  const enrolmentCode = async () => {
    asked += 1;
    if (asked === 1) throw failure('http_rate_limited');
    return code;
  };
  const running = start(1, {}, { enrolmentCode });
  await has(running, { up: 1, retries: 1, failed: 0 });
  const hopeless = start(1, {}, { enrolmentCode: async () => 'doorsill-enrol.nothing' });
  await has(hopeless, { up: 0, retries: 0, failed: 1 });
  expect([...hopeless.tally.codes]).toEqual([['usage', 1]]);
});

it('starts one doorbell after the other while their footage is late', async () => {
  const asked: (() => Promise<void>)[] = [];
  const enrolmentCode = () =>
    new Promise<string>((resolve) => asked.push(async () => resolve((await bridge.bridge.printEnrolmentCode()).code)));
  const those = surroundings({}, { enrolmentCode });
  let lateMs = 101;
  Object.defineProperty(those.timebase.queue, 'lateMs', { get: () => lateMs });
  const fleet = new FleetProcess(drawFleet(those.profile, 7, 4), those, 1);
  processes.push(fleet);
  fleet.start();
  await expect.poll(() => asked.length, PATIENCE).toBe(1);
  await asked[0]?.();
  await expect.poll(() => asked.length, PATIENCE).toBe(2);
  await clock.sleep(500);
  expect(asked).toHaveLength(2);
  lateMs = 100;
  await asked[1]?.();
  await expect.poll(() => asked.length, PATIENCE).toBe(4);
  for (const give of asked.slice(2)) await give();
  await expect.poll(() => fleet.counts.up, PATIENCE).toBe(4);
}, 60_000);

it('comes back after reboots and absences', async () => {
  const running = start(2, { reboots: { perDay: 240, takes: '0s' }, churn: { perDay: 240, away: '1s' } });
  await has(running, { up: 2 });
  const [first, second] = running.fleet.doorbells;
  if (!first || !second) return expect.unreachable();
  // The drawn events of the next minutes, all now.
  first.happen('reboot');
  second.happen('absence');
  await has(running, { reboots: 1, absences: 1 });
  await has(running, { up: 2 });
  await expect.poll(() => running.fleet.counts.segmentsStored, PATIENCE).toBeGreaterThan(8);
  await ask(running);
  await has(running, { requests: running.fleet.doorbells.filter(({ drawn }) => !drawn.owner.isOffline).length });
}, 60_000);

it('still makes a clip whose turn to be cut comes after its ring was recorded over', async () => {
  const around = surroundings({
    ...{ owners: { share: 100 }, answerAfter: { from: '0s', to: '0s' } },
    ring: { kind: 'memory', length: '10s' },
  });
  const { counts, codes } = around.tally;
  const [drawn] = drawFleet(around.profile, 7, 1);
  if (!drawn) throw new Error('a fleet of one has one');
  const cuts = new TaskQueue();
  const doorbell = new FleetDoorbell(drawn, around, cuts);
  await doorbell.start();
  await expect.poll(() => counts.segmentsStored, PATIENCE).toBeGreaterThanOrEqual(6);
  let finish: () => void = () => undefined;
  const other = cuts.run(
    () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
  );
  await ask(around);
  await expect.poll(() => counts.grants, PATIENCE).toBe(1);
  const granted = counts.segmentsStored;
  await expect.poll(() => counts.segmentsStored, PATIENCE).toBeGreaterThanOrEqual(granted + 14);
  finish();
  await other;
  await expect.poll(() => counts.clipsUnderWay, PATIENCE).toBe(0);
  await doorbell.stop();
  around.timebase.queue.stop();
  expect([counts.clipsStored, counts.clipsFailed, [...codes]]).toEqual([1, 0, []]);
}, 120_000);

it('ends at once when it is hurried, during uploads, too', async () => {
  const proxy = await startCountingProxy(Number(new URL(bridge.bridge.url).port));
  const words = { owners: { share: 100 }, answerAfter: { from: '0s', to: '0s' } };
  const running = start(2, words, { bridgeUrl: proxy.url });
  await has(running, { up: 2 });
  await expect.poll(() => running.fleet.counts.segmentsStored, PATIENCE).toBeGreaterThanOrEqual(2 * 6);
  proxy.refuse = true;
  await ask(running);
  await has(running, { grants: 2, clipsUnderWay: 2 });
  const stopping = running.fleet.stop().then(() => 'ended');
  running.fleet.hurry();
  // Without `hurry` it waits for thirty seconds.
  expect(await Promise.race([stopping, clock.sleep(25_000)])).toBe('ended');
  expect(running.fleet.counts).toMatchObject({ up: 0, clipsUnderWay: 2, clipsStored: 0, segmentsLost: 0 });
  await proxy.stop();
}, 90_000);
