// @module-tag long
// @module-tag strace
// @module-tag namespaces
// A bridge that is killed, or whose disk fails, at a write system call is consistent with its device afterwards.
import { afterAll, beforeAll, describe, it } from 'vitest';
import { BridgeStory } from './bridge-rounds.ts';
import { campaign, everyNth } from './campaign.ts';

let story: BridgeStory;
beforeAll(async () => {
  story = await BridgeStory.open();
}, 90_000);
afterAll(() => story.close());

describe('a bridge at a sample of its write system calls', () => {
  it.for([
    { writer: 'database', step: 24 },
    { writer: 'files', step: 9 },
  ] as const)(
    'holds one whole clip or none after a kill -9: $writer',
    { timeout: 300_000 },
    async ({ writer, step }, test) => {
      const some = everyNth(await story.points(writer), step);
      await campaign(test, `bridge killed at write-class calls, ${writer} (sample)`, some, ({ call, nth }) =>
        story.disturb(writer, [{ call, at: nth, how: 'KILL' }]),
      );
    },
  );
});
