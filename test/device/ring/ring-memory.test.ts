// The ring in memory: the contract of every ring.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { RingMemory } from '../../../device/ring/ring-memory.ts';
import { ringContract } from './ring-contract.ts';
import { NOON_US, numbersIn, segmentOf } from './segments.ts';

const random = new SystemRandom();

ringContract('memory', {
  make: async (options) => new RingMemory({ ...options, random, cipher: 'aes-256-gcm' }),
  clean: async () => undefined,
});

it('keeps nothing across a restart', async () => {
  const clock = new ManualClock(NOON_US);
  const ring = new RingMemory({ clock, random, bytesMax: 1_000_000, retentionS: 60, cipher: 'chacha20-poly1305' });
  await ring.start();
  await ring.append(segmentOf(1));
  expect(await numbersIn(ring)).toEqual([1]);
  await ring.stop();
  await ring.start();
  expect(await numbersIn(ring)).toEqual([]);
  await ring.stop();
});
