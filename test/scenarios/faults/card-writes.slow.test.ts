// @module-tag namespaces
// @module-tag root
// A doorbell's reported number of written bytes is what the kernel writes to its card.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { askHealth } from '../../../device/owner/pairing-client.ts';
import { proved } from '../../support/proved.ts';
import { PulledDisk } from '../../support/pulled-disk.ts';
import { DoorStory } from './door-story.ts';

const DISK_BYTES = 64 * 1024 * 1024;
const CAMERA = 'synthetic?size=1280x720';
const WATCHED_MS = 60_000;
/** The tolerance in the Pi's issue. */
const OFF_MAX = 0.05;

const clock = new SystemClock();
let disk: PulledDisk;
let story: DoorStory;
beforeAll(async () => {
  disk = await PulledDisk.open(DISK_BYTES);
  story = await DoorStory.open(disk);
}, 90_000);
afterAll(async () => {
  await story.close();
  await disk.close();
});

it('a doorbell that records all the time writes the reported bytes to its card', async (test) => {
  await story.newRound();
  const door = story.startDoor({ camera: CAMERA });
  expect(await door.ready(), door.stderr).not.toBeNull();
  const socket = join(story.data, 'run/pairing.sock');
  const isOff = () => story.state?.privacy === false;
  expect(await story.say(door, () => story.sayPrivacy(false), isOff), door.stderr).toBe(true);
  // The first lap writes zeros before footage.
  const firstUs = story.covered[0]?.startUs ?? 0;
  const endMs = clock.monotonicMs() + 10 * WATCHED_MS;
  while ((story.state?.ring.coverage[0]?.startUs ?? 0) <= firstUs) {
    expect(clock.monotonicMs(), JSON.stringify(story.state?.ring)).toBeLessThan(endMs);
    await clock.sleep(500);
  }
  const counted = async () => {
    const { written } = await askHealth({ clock }, socket);
    return { said: Object.values(written).reduce((sum, bytes) => sum + bytes, 0), kernel: disk.writtenBytes() };
  };
  const before = await counted();
  await clock.sleep(WATCHED_MS);
  const after = await counted();
  const said = after.said - before.said;
  const kernel = after.kernel - before.kernel;
  const off = (kernel - said) / kernel;
  const figure = `${(said / 1e6).toFixed(2)} MB said, ${(kernel / 1e6).toFixed(2)} MB written in a minute: ${(100 * off).toFixed(1)} % off`;
  console.log(figure);
  proved(test, 'what a doorbell says it writes, beside the kernel’s own count', figure);
  expect(said).toBeGreaterThan(0);
  expect(Math.abs(off), figure).toBeLessThanOrEqual(OFF_MAX);
  expect(await door.stop(), door.stderr).toBe('status 0');
}, 900_000);
