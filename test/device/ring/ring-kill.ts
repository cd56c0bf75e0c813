// One round of the kill tests: a child appends to a ring file until it is killed at a random moment.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { integerBelow, SeededRandom } from '../../../device/base/random.ts';
import { compileProgram } from '../../support/child-program.ts';
import { killedRing, unevenSegment } from './killed-ring.ts';
import { readAll } from './segments.ts';

/** Ring size, least segment size, and a number of segments that certainly fits (each is up to 20,000 bytes longer). */
export interface KillSizes {
  bytesMax: number;
  fragmentBytes: number;
  fits: number;
}

/** Kills a child `rounds` times at moments drawn from `seed`; after each, a ring on its file must hold all acknowledged segments. */
export async function killRounds(rounds: number, seed: number, sizes: KillSizes): Promise<void> {
  console.log(`kill rounds: seed ${seed}`);
  const random = new SeededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-kill-'));
  try {
    const program = await compileProgram('test/device/ring/append-until-killed.ts', join(folder, 'program'));
    const path = join(folder, 'data', 'ring');
    let acknowledged: number[] = [];
    let first = 0;
    for (let round = 0; round < rounds; round += 1) {
      const more = await appendUntilKilled(program, path, first, integerBelow(random, 12), random.fraction(), sizes);
      acknowledged = [...acknowledged, ...more];
      const kept = await recovered(path, sizes);
      expect(kept.damaged).toBeLessThanOrEqual(2);
      // All of the newest acknowledged segments are there, and at most the one that was being written.
      const owed = acknowledged.slice(-sizes.fits);
      expect(kept.numbers).toEqual(expect.arrayContaining(owed));
      const last = acknowledged.at(-1) ?? -1;
      expect(kept.numbers.filter((number) => number > last).length).toBeLessThanOrEqual(1);
      first = Math.max(last, kept.numbers.at(-1) ?? -1) + 1;
    }
    expect(acknowledged.length).toBeGreaterThan(rounds);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs the child until it has acknowledged `after` segments, then for a part of an append; returns the acknowledged numbers. */
async function appendUntilKilled(
  program: string,
  path: string,
  first: number,
  after: number,
  fraction: number,
  sizes: KillSizes,
): Promise<number[]> {
  const args = [program, path, String(first), String(sizes.fragmentBytes), String(sizes.bytesMax)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const numbers: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    numbers.push(Number(line));
    if (numbers.length === after + 1) {
      // Spins for up to a millisecond or two, so that the kill falls anywhere inside a write.
      for (let left = Math.floor(fraction * 2_000_000); left > 0; left -= 1);
      child.kill('SIGKILL');
    }
  }
  await closed;
  return numbers;
}

/** The segments that a ring finds in a killed process's file; fails if one is not as it was appended. */
export async function recovered(path: string, sizes: KillSizes): Promise<{ numbers: number[]; damaged: number }> {
  const ring = killedRing(path, sizes.bytesMax);
  await ring.start();
  const torn = ring.stats().damaged;
  const segments = await readAll(ring);
  for (const { fragment, ...segment } of segments) {
    const { fragment: expected, ...rest } = unevenSegment(segment.index, sizes.fragmentBytes);
    expect(segment).toEqual(rest);
    // An array matcher would take most of the test's time.
    expect(Buffer.from(fragment).equals(expected)).toBe(true);
  }
  // All records accepted at the start are intact: reading finds no further damage.
  expect(ring.stats().damaged).toBe(torn);
  await ring.stop();
  return { numbers: segments.map(({ index }) => index), damaged: torn };
}
