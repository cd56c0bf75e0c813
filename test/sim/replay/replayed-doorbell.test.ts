// @module-tag long
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { parseSyntheticSource } from '../../../sim/porch/porch-camera.ts';
import { ReplayedDoorbell } from '../../../sim/replay/replayed-doorbell.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('replayed-doorbell');
afterEach(folder.dispose);

/** A seeded generator that counts its draws. */
class CountedRandom extends SeededRandom {
  drawn = 0;

  override bytes(length: number): Uint8Array {
    this.drawn += length;
    return super.bytes(length);
  }
}

it('draws no secret of its own server from the seed, which is public', async () => {
  const world = new VirtualClock({ startUs: Date.UTC(2026, 0, 15) * 1_000 });
  const random = new CountedRandom(1);
  const source = parseSyntheticSource('synthetic?size=320x180&seconds=5', { pace: 'own' });
  if (!source) throw new Error('the drawn porch has a name');
  const doorbell = new ReplayedDoorbell(
    {
      ...{ name: 'front', folder: join(folder.path, 'doorbell'), settings: {}, ownServer: true },
      footage: [{ source: { kind: 'porch', source }, audio: false, fromUs: 0, loop: 1 }],
    },
    { world, random, disk: new SystemDisk(), log: silentLog(), ffmpeg: await findFfmpeg() },
  );
  const running = world.run();
  try {
    await world.holding(() => doorbell.start());
    expect(random.drawn).toBeGreaterThan(0);
    await world.holding(async () => {
      const before = random.drawn;
      const session = await doorbell.home.sessionOf(doorbell.home.owner.key);
      expect(random.drawn - before).toBe(0);
      await session.close();
    });
  } finally {
    await doorbell.stop();
    world.stop();
    await running;
  }
});
