import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { drawFleet } from '../../../sim/fleet/draw-fleet.ts';
import { checkRoom, roomHere } from '../../../sim/fleet/fleet.ts';
import { processesFor } from '../../../sim/fleet/fleet-process-children.ts';
import { FleetProfile } from '../../../sim/fleet/fleet-profile.ts';

const inMemory = FleetProfile.parse({ ring: { kind: 'memory', length: '60s' } });
const inFiles = FleetProfile.parse({ ring: { kind: 'file', length: '60s' } });
const HERE = { workers: 1, isEmbedded: true };
const ROOM = { descriptors: 20_000, memoryBytes: 20e9, diskBytes: 100e9 };

const refusal = (doorbells: number, where = HERE, room = ROOM, profile = inMemory) => {
  try {
    checkRoom(drawFleet(profile, 1, doorbells), where, room);
    return null;
  } catch (thrown) {
    return thrown;
  }
};

it('accepts a fleet that fits', () => {
  expect(refusal(1_000)).toBeNull();
  expect(refusal(1, HERE, roomHere(tmpdir()))).toBeNull();
});

it('spreads many doorbells over the processors, and keeps a few in one process', () => {
  const over = (doorbells: number, processors: number) => processesFor(doorbells, processors);
  expect([over(1, 8), over(500, 8), over(501, 8), over(1_000, 8)]).toEqual([1, 1, 2, 2]);
  expect([over(5_000, 2), over(5_000, 64), over(100_000, 4)]).toEqual([2, 10, 4]);
});

it('refuses more doorbells than a process has descriptors for, and names that number', () => {
  const tight = { descriptors: 1_024, memoryBytes: 20e9, diskBytes: 100e9 };
  const failure = refusal(200, HERE, tight);
  expect(failure).toMatchObject({ code: 'fleet_too_large', facts: { doorbells: 200, fit: 96 } });
  expect(String(failure)).toContain('--workers');
  expect(refusal(96, HERE, tight)).toBeNull();
  expect(refusal(192, { workers: 2, isEmbedded: true }, tight)).toBeNull();
});

it('refuses more doorbells than the one embedded broker has descriptors for, and names that number', () => {
  const failure = refusal(
    300,
    { workers: 8, isEmbedded: true },
    { descriptors: 1_024, memoryBytes: 20e9, diskBytes: 100e9 },
  );
  expect(failure).toMatchObject({ code: 'fleet_too_large', facts: { fit: 256 } });
  expect(
    refusal(300, { workers: 8, isEmbedded: false }, { descriptors: 1_024, memoryBytes: 20e9, diskBytes: 100e9 }),
  ).toBeNull();
});

it('refuses more doorbells with rings in memory than fit, and names that number', () => {
  const failure = refusal(2_000, HERE, { descriptors: 100_000, memoryBytes: 4e9, diskBytes: 100e9 });
  expect(failure).toMatchObject({ code: 'fleet_too_large', facts: { doorbells: 2_000 } });
  // Sixty seconds of 1 Mbit/s are 7.5 MB.
  const { fit } = (failure as { facts: { fit: number } }).facts;
  expect(fit).toBeGreaterThan(300);
  expect(fit).toBeLessThan(460);
  expect(refusal(fit, HERE, { descriptors: 100_000, memoryBytes: 4e9, diskBytes: 100e9 })).toBeNull();
  expect(refusal(2_000, HERE, { descriptors: 100_000, memoryBytes: 4e9, diskBytes: 100e9 }, inFiles)).toBeNull();
});

it('refuses more doorbells with rings in files than fit on the disk, and names that number', () => {
  const tight = { descriptors: 100_000, memoryBytes: 20e9, diskBytes: 1e9 };
  const failure = refusal(500, HERE, tight, inFiles);
  expect(failure).toMatchObject({ code: 'fleet_too_large', facts: { doorbells: 500 } });
  expect(String(failure)).toContain('1000 MB of disk');
  // Sixty seconds of 1 Mbit/s with the spare are 8.6 MB, and the other files 1 MB.
  const { fit } = (failure as { facts: { fit: number } }).facts;
  expect(fit).toBe(Math.floor(1e9 / (8_626_176 + 1_000_000)));
  expect(refusal(fit, HERE, tight, inFiles)).toBeNull();
  // With rings in memory only the other files take disk space.
  expect(refusal(500, HERE, tight)).toBeNull();
});
