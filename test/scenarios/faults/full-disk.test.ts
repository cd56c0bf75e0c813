// @module-tag long
// @module-tag strace
// @module-tag namespaces
// A doorbell whose disk is full, read-only or out of descriptors releases nothing, rings, and goes on when there is space.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeviceState, Receipt } from '../../../device/contract/home-messages.ts';
import { proved } from '../../support/proved.ts';
import { SmallDisk } from '../../support/small-disk.ts';
import type { DoorProcess } from '../../support/strace.ts';
import { agreed, consistent, rings, WHOLE_STORY } from './device-rounds.ts';
import { DoorStory, type Round } from './door-story.ts';

const DISK_BYTES = 16 * 1024 * 1024;
/** Space for decisions, not for a clip. */
const NO_CLIP_BYTES = 512 * 1024;
const PATIENCE_S = 60;

let disk: SmallDisk;
let story: DoorStory;
beforeAll(async () => {
  disk = await SmallDisk.open(DISK_BYTES);
  story = await DoorStory.open(disk);
}, 90_000);
afterAll(async () => {
  await story.close();
  await disk.close();
});

async function newRound(): Promise<Round> {
  disk.empty();
  return story.newRound();
}

async function started(camera?: string): Promise<DoorProcess> {
  story.state = null;
  const door = story.startDoor(camera === undefined ? {} : { camera });
  expect(await door.ready(), door.stderr).not.toBeNull();
  return door;
}

const outcomes = (round: Round) => round.heard.map(({ outcome, code }: Receipt) => code ?? outcome);
const hears = (round: Round, what: string) => () => outcomes(round).includes(what);

/** Must be 0 clips at the bridge after a round. */
const leaked = () => `${story.clips().length} clips left at the bridge`;

async function stateIs(what: string, look: (state: DeviceState) => boolean): Promise<void> {
  await story.until(what, () => (story.state && look(story.state) ? true : null));
}

/** The rest of the story, with space on the disk. */
async function finishes(door: DoorProcess, round: Round): Promise<void> {
  expect(await story.say(door, () => story.sayGrant(round), hears(round, 'sent')), door.stderr).toBe(true);
  expect(await story.say(door, () => story.sayRevoke(round), hears(round, 'deleted')), door.stderr).toBe(true);
  await stateIs('storage that is well', ({ storage }) => storage.state === 'ok');
  expect(await door.stop()).toBe('status 0');
  await agreed(story, round, WHOLE_STORY);
}

describe('a doorbell whose disk is full', () => {
  it('for its decisions reports it, rings, releases nothing, also after a restart, and goes on when there is space', async (test) => {
    const round = await newRound();
    let door = await started();
    disk.fill();
    const refused = hears(round, 'consent_storage_failed');
    expect(await story.say(door, () => story.sayGrant(round), refused), door.stderr).toBe(true);
    await stateIs('full storage', ({ storage }) => storage.state === 'full');
    await rings(story, door);
    expect(await consistent(story, round)).toEqual([]);
    expect(await door.stop('SIGKILL')).toBe('SIGKILL');
    door = await started();
    await rings(story, door);
    expect(await story.say(door, () => story.sayGrant(round), refused)).toBe(true);
    disk.empty();
    await finishes(door, round);
    proved(test, 'a doorbell on a full disk refuses, rings and goes on', leaked());
  }, 90_000);

  it('for its clip reports it, rings, and sends the clip by itself when there is space', async (test) => {
    const round = await newRound();
    const door = await started();
    disk.fill(NO_CLIP_BYTES);
    expect(await story.say(door, () => story.sayGrant(round), hears(round, 'granted')), door.stderr).toBe(true);
    await stateIs('full storage', ({ storage }) => storage.state === 'full');
    await rings(story, door);
    expect(await consistent(story, round)).toEqual(['granted']);
    disk.empty();
    expect(await story.say(door, async () => undefined, hears(round, 'sent')), door.stderr).toBe(true);
    await finishes(door, round);
    proved(test, 'a clip that has no room waits and is sent by itself', leaked());
  }, 90_000);

  it('keeps a revocation after a kill, although there is no space to record it', async (test) => {
    const round = await newRound();
    let door = await started();
    disk.fill(NO_CLIP_BYTES);
    expect(await story.say(door, () => story.sayGrant(round), hears(round, 'granted')), door.stderr).toBe(true);
    await stateIs('full storage', ({ storage }) => storage.state === 'full');
    disk.fill();
    const kept = hears(round, 'consent_revocation_unrecorded');
    expect(await story.say(door, () => story.sayRevoke(round), kept), door.stderr).toBe(true);
    expect(await door.stop('SIGKILL')).toBe('SIGKILL');
    round.heard.length = 0;
    door = await started();
    await rings(story, door);
    disk.empty();
    await door.stop();
    door = await started();
    expect(await story.say(door, async () => undefined, hears(round, 'revoked')), door.stderr).toBe(true);
    expect(await door.stop()).toBe('status 0');
    await agreed(story, round, ['granted', 'revoked']);
    proved(test, 'a revocation on a full disk outlives a kill -9', leaked());
  }, 90_000);

  it('for its ring reports it, rings, and records again when there is space', async (test) => {
    const round = await newRound();
    rmSync(join(disk.outside, 'ring'));
    const door = await started('synthetic?size=320x180');
    disk.fill(NO_CLIP_BYTES);
    const isOff = () => story.state?.privacy === false;
    expect(await story.say(door, () => story.sayPrivacy(false), isOff), door.stderr).toBe(true);
    await stateIs('full storage', ({ storage }) => storage.state === 'full');
    await rings(story, door);
    expect(story.state).toMatchObject({ recording: false, ring: { segments: 0 } });
    disk.empty();
    await stateIs(
      'recording',
      ({ storage, ring, recording }) => storage.state === 'ok' && ring.segments > 0 && recording === true,
    );
    expect(await door.stop()).toBe('status 0');
    expect(await consistent(story, round)).toEqual([]);
    proved(test, 'a ring on a full disk says so and records again', leaked());
  }, 90_000);
});

it('a doorbell on a read-only mount starts, reports it, rings, and releases nothing', async (test) => {
  const round = await newRound();
  disk.readOnly(true);
  let door = await started();
  try {
    await stateIs('failed storage', ({ storage }) => storage.state === 'failed');
    const refused = hears(round, 'consent_storage_failed');
    expect(await story.say(door, () => story.sayGrant(round), refused), door.stderr).toBe(true);
    await rings(story, door);
    await stateIs('what the ring holds', ({ ring }) => ring.segments > 0);
    expect(await door.stop(), door.stderr).toBe('status 0');
  } finally {
    await door.stop('SIGKILL');
    disk.readOnly(false);
  }
  door = await started();
  await finishes(door, round);
  proved(test, 'a doorbell on a read-only mount rings and refuses', leaked());
}, 90_000);

it('a doorbell of an earlier format starts on a full and on a read-only disk, rings, releases nothing, and goes on', async (test) => {
  const round = await newRound();
  const format = join(disk.outside, 'format.json');
  rmSync(format);
  const refused = hears(round, 'consent_storage_failed');
  disk.readOnly(true);
  let door = await started();
  try {
    await stateIs('failed storage', ({ storage }) => storage.state === 'failed');
    expect(await story.say(door, () => story.sayGrant(round), refused), door.stderr).toBe(true);
    await rings(story, door);
    expect(await door.stop(), door.stderr).toBe('status 0');
  } finally {
    await door.stop('SIGKILL');
    disk.readOnly(false);
  }
  disk.fill();
  round.heard.length = 0;
  door = await started();
  await stateIs('full storage', ({ storage }) => storage.state === 'full');
  expect(await story.say(door, () => story.sayGrant(round), refused), door.stderr).toBe(true);
  await rings(story, door);
  expect(await consistent(story, round)).toEqual([]);
  expect(existsSync(format)).toBe(false);
  disk.empty();
  await finishes(door, round);
  expect(existsSync(format)).toBe(true);
  proved(test, 'a doorbell of an earlier format on a full disk rings and refuses', leaked());
}, 90_000);

it(
  'a doorbell without a file descriptor to spare says so, rings, lets nothing out, and goes on when it has some',
  async (test) => {
    const round = await newRound();
    const door = await started();
    await stateIs('a state', () => true);
    limitFiles(door, 10);
    const refused = hears(round, 'consent_storage_failed');
    expect(await story.say(door, () => story.sayGrant(round), refused), door.stderr).toBe(true);
    await stateIs('failed storage', ({ storage }) => storage.state === 'failed');
    await rings(story, door);
    expect(await consistent(story, round)).toEqual([]);
    limitFiles(door, 1_024);
    await finishes(door, round);
    proved(test, 'a doorbell without file descriptors rings and refuses', leaked());
  },
  PATIENCE_S * 1_000,
);

/** Changes a running process's limit of open descriptors. */
function limitFiles(door: DoorProcess, most: number): void {
  execFileSync('prlimit', ['--pid', String(door.pid), `--nofile=${most}:`]);
}
