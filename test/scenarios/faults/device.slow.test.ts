// The same as device.test.ts, at every write system call.
import { afterAll, beforeAll, describe, it } from 'vitest';
import { campaign, everyNth } from './campaign.ts';
import { disturb, killAt, openPointed, type PointedStory } from './device-rounds.ts';
import { failingOnce, fullFrom, readOnlyFrom } from './points.ts';

const LONG_MS = 1_800_000;

let pointed: PointedStory;
beforeAll(async () => {
  pointed = await openPointed();
}, 90_000);
afterAll(() => pointed.story.close());

describe('a doorbell at every write system call', () => {
  it(
    'agrees with its bridge and its owner after a kill -9',
    async (test) => {
      const { story, points } = pointed;
      await campaign(test, 'doorbell killed at every write-class call', points, (point) => killAt(story, point));
    },
    LONG_MS,
  );

  it.for([
    { what: 'on a disk that is full from each call on', ailment: fullFrom, step: 1 },
    { what: 'with an input/output error at each call', ailment: failingOnce, step: 1 },
    { what: 'on a disk that turns read-only at every fourth call', ailment: readOnlyFrom, step: 4 },
  ])('stays up, rings, and releases nothing unrecorded $what', { timeout: LONG_MS }, async (plan, test) => {
    const { what, ailment, step } = plan;
    const { story, points } = pointed;
    await campaign(test, `doorbell ${what}`, everyNth(points, step), (point) => disturb(story, ailment(points, point)));
  });
});
