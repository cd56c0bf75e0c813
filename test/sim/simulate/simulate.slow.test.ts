// Five hundred towns: every promise holds in each, and what they never reach is named.
import { expect, it } from 'vitest';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { RECEIPT_OUTCOMES } from '../../../device/protocol/home-messages.ts';
import { neverReached, sharesOf } from '../../../sim/simulate/coverage.ts';
import { Simulation } from '../../../sim/simulate/simulate.ts';

const SEEDS = 500;

it('keeps every promise in five hundred towns, and reaches every receipt', async () => {
  const simulation = await Simulation.open(await findFfmpeg());
  try {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { result } = await simulation.run(seed);
      expect(result.breaches, `npx doorsill simulate --seed ${seed}`).toEqual([]);
    }
    const never = neverReached(simulation.covered);
    process.stdout.write(`Never reached in ${SEEDS} towns: ${never.join(', ')}\n`);
    for (const { what, reached, never: missing } of sharesOf(simulation.covered))
      process.stdout.write(`${what}: ${reached.length} of ${reached.length + missing.length}\n`);
    expect(RECEIPT_OUTCOMES.filter((outcome) => never.includes(outcome))).toEqual([]);
  } finally {
    simulation.close();
  }
}, 1_200_000);
