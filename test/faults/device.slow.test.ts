import { afterAll, beforeAll, describe, it } from 'vitest';
import type { TracedCall } from '../support/strace.ts';
import { campaign } from './campaign.ts';
import { failAt, killAt, pointsOf } from './device-rounds.ts';
import { DoorStory } from './door-story.ts';

const LONG_MS = 1_800_000;

let story: DoorStory;
let points: TracedCall[];
beforeAll(async () => {
  story = await DoorStory.open();
  points = await pointsOf(story);
}, 90_000);
afterAll(() => story.close());

describe('a doorbell at every one of its write-class system calls', () => {
  it(
    'agrees with its bridge and its owner after a kill -9',
    async (test) => {
      await campaign(test, 'doorbell killed at every write-class call', points, (point) => killAt(story, point));
    },
    LONG_MS,
  );

  it(
    'stays up, rings, and lets nothing out unrecorded when the disk is full from there',
    async (test) => {
      await campaign(test, 'doorbell on a disk that is full from each call on', points, (point) =>
        failAt(story, points, point, 'full'),
      );
    },
    LONG_MS,
  );

  it(
    'stays up, rings, and lets nothing out unrecorded when that call fails',
    async (test) => {
      await campaign(test, 'doorbell with an input/output error at each call', points, (point) =>
        failAt(story, points, point, 'failing-once'),
      );
    },
    LONG_MS,
  );
});
