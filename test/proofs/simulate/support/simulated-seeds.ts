// Runs seeds by the program of `npm run simulate`, and parses its last line.
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { z } from 'zod';
import { runCommand } from '../../../support/command-line.ts';

/** The program of `npm run simulate`. */
export const SIMULATE = fileURLToPath(new URL('../../../../test/proofs/dist/simulate/main.js', import.meta.url));

const endedSchema = z.object({
  event: z.literal('ended'),
  towns: z.int(),
  held: z.boolean(),
  cpuMsEach: z.number(),
  elapsedS: z.number(),
  piecesEach: z.number(),
  piecesLeast: z.int(),
  minutesEach: z.number(),
  hash: z.string().length(64),
  covered: z.record(z.string(), z.int()),
  never: z.array(z.string()),
  provoked: z.record(z.string(), z.int()),
});
const runSchema = z.object({ event: z.literal('town'), seed: z.int(), hash: z.string().length(64) });
/** The last line, and each run's hash by its seed. */
export type SimulatedSeeds = z.infer<typeof endedSchema> & { readonly hashes: ReadonlyMap<number, string> };

/** Runs `seeds` seeds from `from` on; fails with the findings unless every promise held in each. */
export async function simulatedSeeds(
  { from, seeds, seconds }: { from: number; seeds: number; seconds: number },
  ...more: readonly string[]
): Promise<SimulatedSeeds> {
  const words = ['--from', String(from), '--seeds', String(seeds), '--json', ...more];
  const { status, lines, stderr } = await runCommand(words, { seconds, launcher: SIMULATE });
  const found = lines.filter(({ event }) => event === 'found');
  expect({ status, found, stderr }).toEqual({ status: 0, found: [], stderr: '' });
  const ended = endedSchema.parse(lines.at(-1));
  const runs = lines.flatMap((line) => runSchema.safeParse(line).data ?? []);
  const hashes = new Map(runs.map(({ seed, hash }) => [seed, hash]));
  expect([ended.towns, ended.held, hashes.size]).toEqual([seeds, true, seeds]);
  return { ...ended, hashes };
}

/** A run's figures for the table of proofs. */
export function figureOf({ towns, cpuMsEach, elapsedS, piecesEach, piecesLeast, minutesEach }: SimulatedSeeds): string {
  return `${towns} in ${elapsedS} s: ${cpuMsEach} ms of processor time, ${piecesEach} pieces (at least ${piecesLeast}), ${minutesEach} minutes each`;
}
