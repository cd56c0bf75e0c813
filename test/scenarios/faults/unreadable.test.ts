// @module-tag long
// @module-tag strace
// @module-tag namespaces
// @module-tag root
// A file that cannot be read in one boot loses no decision and no clip, and releases nothing meanwhile.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { agreed, consistent, rings, WHOLE_STORY } from './device-rounds.ts';
import { DoorStory, type Round } from './door-story.ts';

let story: DoorStory;
let bridgeRuns = true;
beforeAll(async () => {
  story = await DoorStory.open();
}, 90_000);
afterEach(() => bridgeIs(true));
afterAll(() => story.close());

async function bridgeIs(running: boolean): Promise<void> {
  if (running === bridgeRuns) return;
  bridgeRuns = running;
  await (running ? story.fixture.startBridge() : story.fixture.bridge.stop());
}

const hears = (round: Round, outcome: string) => () =>
  round.heard.some((receipt) => receipt.outcome === outcome && receipt.grant === round.grant);
const outbox = () => readdirSync(join(story.data, 'outbox')).sort();

/** A round with a sealed clip that could not be sent. */
async function sealedRound(): Promise<Round> {
  const round = await story.newRound();
  await bridgeIs(false);
  const door = story.startDoor();
  expect(await door.ready(), door.stderr).not.toBeNull();
  expect(await story.say(door, () => story.sayGrant(round), hears(round, 'sealed')), door.stderr).toBe(true);
  expect(await door.stop()).toBe('status 0');
  // The clip, its record, and its full manifest.
  expect(outbox()).toHaveLength(3);
  round.heard.length = 0;
  await bridgeIs(true);
  return round;
}

/** Starts the doorbell on a disk that answers EIO to each opening of a file, or to the first. */
async function startedWithout(file: string, onwards: boolean) {
  story.state = null;
  const log = join(story.folder.path, 'unreadable.log');
  const faults = [{ call: 'openat', at: 1, how: 'EIO', onwards } as const];
  const door = story.startDoor({ trace: { paths: [join(story.data, file)], calls: ['openat'], faults, log } });
  expect(await door.ready(), door.stderr).not.toBeNull();
  return door;
}

describe('a doorbell that cannot read', () => {
  it.each(['ledger.jsonl', 'ledger-head.json', 'marks.json', 'revocations.reserve'])(
    'its %s says so, keeps its clip, lets nothing out, and goes on in the next boot',
    async (file) => {
      const round = await sealedRound();
      const clip = outbox();
      const blind = await startedWithout(join('consent', file), true);
      await story.until('failed storage', () => (story.state?.storage.state === 'failed' ? true : null));
      expect(story.state?.storage.detail).toContain('EIO');
      // Without the ledger it is unknown who may order a press, and whether the camera may record.
      if (!file.startsWith('ledger')) await rings(story, blind);
      else expect(story.state).toMatchObject({ privacy: true, owners: 0 });
      expect(story.clips()).toEqual([]);
      expect(await blind.stop()).toBe('status 0');
      expect(outbox()).toEqual(clip);
      await goesOn(round);
    },
    90_000,
  );

  it('a clip’s record at its start retries, and sends the clip', async () => {
    const round = await sealedRound();
    const blind = await startedWithout(join('outbox', `${round.grant}.commit`), false);
    expect(await story.say(blind, async () => undefined, hears(round, 'sent')), blind.stderr).toBe(true);
    expect(await story.say(blind, () => story.sayRevoke(round), hears(round, 'deleted')), blind.stderr).toBe(true);
    expect(await blind.stop()).toBe('status 0');
    await agreed(story, round, WHOLE_STORY);
  }, 90_000);
});

async function goesOn(round: Round): Promise<void> {
  expect(await consistent(story, round)).toEqual(['granted', 'sealed', 'token-presented']);
  const door = story.startDoor();
  expect(await door.ready(), door.stderr).not.toBeNull();
  expect(await story.say(door, async () => undefined, hears(round, 'sent')), door.stderr).toBe(true);
  expect(await story.say(door, () => story.sayRevoke(round), hears(round, 'deleted')), door.stderr).toBe(true);
  expect(await door.stop()).toBe('status 0');
  await agreed(story, round, WHOLE_STORY);
}
