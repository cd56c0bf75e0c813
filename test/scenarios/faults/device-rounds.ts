// The doorbell's story with one fault at one system call, and checks that everything is consistent afterwards.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { walkLedger } from '../../../device/ledger/ledger.ts';
import { claimsOf, textClaim } from '../../support/parties.ts';
import { type DoorProcess, type Fault, faultCame, type TracedCall, tracedCalls } from '../../support/strace.ts';
import { DoorStory, type Round } from './door-story.ts';
import { WRITE_CALLS, writePoints } from './points.ts';

/** The ledger's entries for a grant whose clip was sent and revoked. */
export const WHOLE_STORY = ['granted', 'sealed', 'token-presented', 'delivered', 'revoked', 'deleted'];
/** Ledger entries that a receipt implies. */
export const RECORDED: Partial<Record<string, string>> = {
  granted: 'granted',
  sealed: 'sealed',
  sent: 'delivered',
  revoked: 'revoked',
  deleted: 'deleted',
};
const PRESS_MS_MAX = 20_000;
/** How long a story that stands still under a lasting fault is watched. */
const STANDSTILL_MS = 1_500;

/** A story, and the points of its faults. */
export interface PointedStory {
  story: DoorStory;
  points: TracedCall[];
}

export async function openPointed(): Promise<PointedStory> {
  const story = await DoorStory.open();
  try {
    return { story, points: await pointsOf(story) };
  } catch (thrown) {
    await story.close();
    throw thrown;
  }
}

/** Every write system call of an undisturbed story, in order. */
async function pointsOf(story: DoorStory): Promise<TracedCall[]> {
  const log = join(story.folder.path, 'points.log');
  const round = await story.newRound();
  const door = story.startDoor({ trace: { paths: story.paths(round), calls: WRITE_CALLS, faults: [], log } });
  await door.ready();
  expect(await tell(story, door, round)).toBe(true);
  expect(await door.stop()).toBe('status 0');
  await agreed(story, round, WHOLE_STORY);
  return writePoints(tracedCalls(log));
}

/** The story as far as possible; returns whether it was completed. */
async function tell(story: DoorStory, door: DoorProcess, round: Round, patienceMs?: number): Promise<boolean> {
  const heard = (outcome: string) => () =>
    round.heard.some((receipt) => receipt.outcome === outcome && receipt.grant === round.grant);
  if (!(await story.say(door, () => story.sayGrant(round), heard('sent'), patienceMs))) return false;
  oneClip(story, round);
  return story.say(door, () => story.sayRevoke(round), heard('deleted'), patienceMs);
}

/** Exactly one clip of the grant is shown, unless it was revoked, and every receipt names it. */
function oneClip(story: DoorStory, round: Round): void {
  if (round.takenBack) return;
  const shown = clipsOf(story, round);
  const named = round.heard.flatMap(({ grant, clip }) => (grant === round.grant && clip ? [clip.sha256] : []));
  expect(shown.map(({ bytes }) => sha256Hex(bytes))).toEqual([...new Set(named)]);
  expect(shown.map(({ manifest }) => claimsOf(manifest)['clipSha256'])).toEqual([...new Set(named)]);
}

/** The clips of the round's grant that the bridge shows. */
export function clipsOf(story: DoorStory, round: Round) {
  return story.clips().filter(({ manifest }) => textClaim(manifest, 'grant') === round.grant);
}

/** A ledger's entries for the round's grant. Throws if it does not verify. */
export async function recorded(story: DoorStory, round: Round): Promise<string[]> {
  const { device } = story.fixture.cast;
  const types: string[] = [];
  const folder = join(story.data, 'consent');
  await walkLedger(new SystemDisk(), folder, { id: device.id, key: device.key.publicKey }, ({ type, body }) => {
    if ('grant' in body && body.grant === round.grant) types.push(type);
  });
  return types;
}

/** Holds at any time, also after a kill; returns the ledger's entries for the grant. */
export async function consistent(story: DoorStory, round: Round): Promise<string[]> {
  const types = await recorded(story, round);
  for (const { grant, outcome } of round.heard) {
    if (grant === round.grant && RECORDED[outcome]) expect(types).toContain(RECORDED[outcome]);
  }
  const { device } = story.fixture.cast;
  if (await story.knownAtBridge({ device: device.id, grant: round.grant })) expect(types).toContain('token-presented');
  const outbox = join(story.data, 'outbox');
  for (const name of readdirSync(outbox)) {
    const bytes = readFileSync(join(outbox, name));
    for (const plain of ['ftyp', 'moov', 'mdat', 'Elm Street', 'casey@']) expect(bytes.includes(plain)).toBe(false);
  }
  return types;
}

/** Holds at the end. */
export async function agreed(story: DoorStory, round: Round, story_: readonly string[]): Promise<void> {
  expect(await consistent(story, round)).toEqual(story_);
  expect(clipsOf(story, round)).toEqual([]);
  expect(readdirSync(join(story.data, 'outbox'))).toEqual([]);
  expect(readdirSync(story.data, { recursive: true }).filter((name) => String(name).endsWith('.tmp'))).toEqual([]);
  expect(story.state?.ring.coverage).toEqual(story.covered);
  expect(story.state?.ring.damaged).toBe(0);
}

/** Kills the doorbell before one call, restarts it and finishes the story. Returns whether the fault occurred. */
export async function killAt(story: DoorStory, { call, nth }: TracedCall): Promise<boolean> {
  const round = await story.newRound();
  const log = join(story.folder.path, 'round.log');
  const faults: Fault[] = [{ call, at: nth, how: 'KILL' }];
  const door = story.startDoor({ trace: { paths: story.paths(round), calls: [call], faults, log } });
  await door.ready();
  await tell(story, door, round);
  const how = await door.stop();
  expect(how).toMatch(/^(SIGKILL|status 0)$/);
  const before = await consistent(story, round);
  await finish(story, round, before);
  return how === 'SIGKILL';
}

/** Starts the doorbell without a fault; the owner repeats only orders that are not in the ledger. */
async function finish(story: DoorStory, round: Round, before: readonly string[]): Promise<void> {
  story.state = null;
  const door = story.startDoor();
  expect(await door.ready(), door.stderr).not.toBeNull();
  const heard = (outcome: string) => () =>
    round.heard.some((receipt) => receipt.outcome === outcome && receipt.grant === round.grant);
  // A revocation in the ledger need not be repeated.
  const told = before.includes('revoked')
    ? await story.say(door, async () => undefined, heard('deleted'))
    : await tell(story, door, round);
  const last = round.heard.map(({ outcome, code }) => `${outcome} ${code ?? ''}`);
  expect(told, `${JSON.stringify(last)} ${door.stderr}`).toBe(true);
  await story.until('state', () => (story.state ? true : null));
  expect(await door.stop()).toBe('status 0');
  await agreed(story, round, WHOLE_STORY);
}

/** A press is published, whatever the disk does. */
export async function rings(story: DoorStory, door: DoorProcess): Promise<void> {
  const before = story.events.filter(({ type }) => type === 'ring').length;
  const rang = () => story.events.filter(({ type }) => type === 'ring').length > before;
  expect(await story.say(door, () => story.sayPress(), rang, PRESS_MS_MAX * story.patience), door.stderr).toBe(true);
}

/**
 * Makes calls fail. The doorbell must stay up, ring, and release nothing unrecorded; restarted on a good disk it finishes. Returns whether
 * the fault occurred.
 */
export async function disturb(story: DoorStory, faults: readonly Fault[]): Promise<boolean> {
  const round = await story.newRound();
  const log = join(story.folder.path, 'round.log');
  const calls = [...new Set(faults.map(({ call }) => call))];
  const door = story.startDoor({ trace: { paths: story.paths(round), calls, faults, log } });
  expect(await door.ready(), door.stderr).not.toBeNull();
  await tell(story, door, round, STANDSTILL_MS);
  await rings(story, door);
  expect(await door.stop(), door.stderr).toBe('status 0');
  const came = faultCame(log);
  const before = await consistent(story, round);
  await finish(story, round, before);
  return came;
}
