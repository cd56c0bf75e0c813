// @module-tag long
// @module-tag strace
// @module-tag namespaces
// A doorbell that is killed, or whose disk fails, at a write system call is consistent with its bridge and its owner afterwards.
import { afterAll, beforeAll, describe, it } from 'vitest';
import { campaign, everyNth, sampleOf } from './campaign.ts';
import { disturb, killAt, openPointed, type PointedStory } from './device-rounds.ts';
import { failingOnce, fullFrom, readOnlyFrom } from './points.ts';

let pointed: PointedStory;
beforeAll(async () => {
  pointed = await openPointed();
}, 90_000);
afterAll(() => pointed.story.close());

describe('a doorbell at a sample of its write system calls', () => {
  it('agrees with its bridge and its owner after a kill -9', async (test) => {
    const { story, points } = pointed;
    await campaign(test, 'doorbell killed at write-class calls (sample)', sampleOf(points), (point) =>
      killAt(story, point),
    );
  }, 300_000);

  it('stays up, rings, and releases nothing unrecorded when the disk fills up, fails or turns read-only there', async (test) => {
    const { story, points } = pointed;
    const some = everyNth(points, 16);
    const ailments = [fullFrom, failingOnce, readOnlyFrom];
    await campaign(test, 'doorbell on a disk that fills up, fails or turns read-only (sample)', some, (point) => {
      const ailment = ailments[some.indexOf(point) % ailments.length] ?? fullFrom;
      return disturb(story, ailment(points, point));
    });
  }, 300_000);
});
