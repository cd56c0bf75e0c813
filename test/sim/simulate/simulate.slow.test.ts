// Five hundred towns: every promise holds in each, and what they reach grows.
import { expect, it } from 'vitest';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { neverReached } from '../../../sim/simulate/coverage.ts';
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
    // Owners of a town give no orders but about clips, and its vault keeps nothing that was taken back.
    expect(never.filter((what) => !what.includes('_'))).toEqual(['command-done', 'recalled']);
  } finally {
    simulation.close();
  }
}, 1_200_000);
