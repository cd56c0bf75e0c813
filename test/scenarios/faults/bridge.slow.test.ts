// The same as bridge.test.ts, at every write system call.
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Fault, TracedCall } from '../../support/strace.ts';
import { BridgeStory } from './bridge-rounds.ts';
import { campaign } from './campaign.ts';
import { failingOnce, fullFrom } from './points.ts';

const LONG_MS = 1_800_000;

let story: BridgeStory;
beforeAll(async () => {
  story = await BridgeStory.open();
}, 90_000);
afterAll(() => story.close());

const AILMENTS: { what: string; faults: (points: readonly TracedCall[], point: TracedCall) => Fault[] }[] = [
  { what: 'killed at every write-class call', faults: (_points, { call, nth }) => [{ call, at: nth, how: 'KILL' }] },
  { what: 'on a disk that is full from each call on', faults: fullFrom },
  { what: 'with an input/output error at each call', faults: failingOnce },
];

describe.each(AILMENTS)('a bridge $what', ({ what, faults }) => {
  it.for(['database', 'files'] as const)(
    'holds one whole clip or none: %s',
    { timeout: LONG_MS },
    async (writer, test) => {
      const points = await story.points(writer);
      await campaign(test, `bridge ${what}, ${writer}`, points, (point) =>
        story.disturb(writer, faults(points, point)),
      );
    },
  );
});
