import { expect, it } from 'vitest';
import { ManualClock } from '../../../../device/base/clock.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { SeededRandom } from '../../../../device/base/random.ts';
import type { CameraEvent } from '../../../../sim/camera-server/onvif/onvif-camera.ts';
import { PullPoints, TOPICS, type Topic } from '../../../../sim/camera-server/onvif/pull-points.ts';
import { SoapFault } from '../../../../sim/camera-server/onvif/soap.ts';
import { START_US } from './support/onvif-caller.ts';

const [MOTION, VISITOR] = TOPICS;
const ALL = new Set<Topic>(TOPICS);
const stays = new AbortController().signal;

function makePoints() {
  const clock = new ManualClock(START_US);
  const points = new PullPoints({ clock, random: new SeededRandom(3), log: silentLog() });
  const pulled = async (id: string, limit = 100) =>
    (await points.pull(id, 0, limit, stays)).map(({ topic, operation, state }) => `${operation} ${topic} ${state}`);
  const happen = (type: CameraEvent['type']) => points.notice({ type, atUs: START_US + 5 });
  return { clock, points, pulled, happen };
}

it('begins with the current states, then delivers each change once and in order', async () => {
  const { points, pulled, happen } = makePoints();
  happen('motion-start');
  const id = points.create(ALL, 60_000);
  expect(await pulled(id)).toEqual([`Initialized ${MOTION} true`, `Initialized ${VISITOR} false`]);
  happen('motion-start');
  happen('motion-end');
  happen('press');
  expect(await pulled(id, 1)).toEqual([`Changed ${MOTION} false`]);
  expect(await pulled(id)).toEqual([`Changed ${VISITOR} true`]);
  expect(await pulled(id)).toEqual([]);
  points.queueStates(id);
  expect(await pulled(id)).toEqual([`Initialized ${MOTION} false`, `Initialized ${VISITOR} true`]);
  points.stop();
});

it('ends a press after a second, or at the next press, so that two presses are two', async () => {
  const { clock, points, pulled, happen } = makePoints();
  const id = points.create(new Set([VISITOR]), 60_000);
  await pulled(id);
  happen('press');
  await clock.advance(500);
  happen('press');
  await clock.advance(999);
  expect(await pulled(id)).toEqual([true, false, true].map((state) => `Changed ${VISITOR} ${state}`));
  await clock.advance(1);
  expect(await pulled(id)).toEqual([`Changed ${VISITOR} false`]);
  points.stop();
});

it('lets a pull wait for the first message, for its timeout, or for the next pull', async () => {
  const { clock, points, pulled, happen } = makePoints();
  const id = points.create(new Set([MOTION]), 600_000);
  await pulled(id);
  const first = points.pull(id, 30_000, 10, stays);
  await clock.advance(10_000);
  happen('motion-start');
  expect(await first).toMatchObject([{ topic: MOTION, state: true, atUs: START_US + 5 }]);
  const second = points.pull(id, 30_000, 10, stays);
  await clock.advance(30_000);
  expect(await second).toEqual([]);
  const third = points.pull(id, 30_000, 10, stays);
  const fourth = points.pull(id, 30_000, 10, stays);
  expect(await third).toEqual([]);
  happen('motion-end');
  expect(await fourth).toMatchObject([{ state: false }]);
  points.stop();
});

it('keeps messages for the next pull when a client leaves', async () => {
  const { points, pulled, happen } = makePoints();
  const id = points.create(new Set([MOTION]), 600_000);
  await pulled(id);
  const leaving = new AbortController();
  const waiting = points.pull(id, 30_000, 10, leaving.signal);
  leaving.abort();
  happen('motion-start');
  expect(await waiting).toEqual([]);
  expect(await pulled(id)).toEqual([`Changed ${MOTION} true`]);
  points.stop();
});

it('ends a subscription at its time, after a renewal at the new one, or after a minute without a pull', async () => {
  const { clock, points, pulled, happen } = makePoints();
  const ended = points.create(ALL, 10_000);
  const renewed = points.create(ALL, 10_000);
  const kept = points.create(ALL, null);
  await clock.advance(9_000);
  points.renew(renewed, 10_000);
  await clock.advance(1_000);
  expect(() => points.leftMs(ended)).toThrow(SoapFault);
  await expect(pulled(ended)).rejects.toThrow(SoapFault);
  expect(points.leftMs(renewed)).toBe(9_000);
  await clock.advance(9_000);
  expect(() => points.renew(renewed, 10_000)).toThrow(SoapFault);
  await clock.advance(40_000);
  await pulled(kept);
  const waiting = points.pull(kept, 30_000, 10, stays);
  expect(points.leftMs(kept)).toBe(90_000);
  await clock.advance(10_000);
  happen('motion-start');
  await waiting;
  await clock.advance(59_999);
  expect(points.leftMs(kept)).toBe(1);
  await clock.advance(1);
  expect(() => points.end(kept)).toThrow(SoapFault);
});

it('ends the wait of a pull whose subscription ends', async () => {
  const { clock, points, pulled } = makePoints();
  const id = points.create(ALL, 10_000);
  await pulled(id);
  const waiting = points.pull(id, 60_000, 10, stays);
  await clock.advance(10_000);
  expect(await waiting).toEqual([]);
});

it('keeps the newest 200 messages without a pull, and 16 subscriptions', async () => {
  const { points, happen } = makePoints();
  const ids = Array.from({ length: 16 }, () => points.create(ALL, 600_000));
  expect(new Set(ids).size).toBe(16);
  expect(() => points.create(ALL, 600_000)).toThrow(new SoapFault('subscriptions'));
  for (let at = 0; at < 150; at += 1) {
    happen('motion-start');
    happen('motion-end');
  }
  const [first = ''] = ids;
  const messages = await points.pull(first, 0, 1_000, stays);
  expect(messages.length).toBe(200);
  expect(messages.at(-1)).toMatchObject({ topic: MOTION, state: false });
  points.end(first);
  points.create(ALL, 600_000);
  points.stop();
  expect(() => points.leftMs(ids[1] ?? '')).toThrow(SoapFault);
});
