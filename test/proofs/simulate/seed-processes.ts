// Runs seeds on several processors, in processes that take one seed after the other, and sums up the results. A run is the same in every
// process.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sha256Hex } from '@doorsill/base/keys';
import { provokedIn } from './coverage.ts';
import type { Footage } from './ffmpeg-twin.ts';
import type { RunResult } from './run.ts';
import { addCoverage } from './simulate.ts';

const PROGRAM = fileURLToPath(new URL('./seed-process.js', import.meta.url));

/** To a process: the footage, then one seed after the other. */
export type SeedJob = { footage: Footage } | { seed: number };
/** From a process: it is ready, or a seed's result. */
export type SeedAnswer = { ready: true } | { summary: RunSummary };

/** A seed's result and processor time, without its trace. */
export interface RunSummary extends Omit<RunResult, 'trace'> {
  readonly seed: number;
  readonly cpuMs: number;
}

/** Totals of all seeds. */
export interface SeedTotals {
  runs: number;
  cpuMs: number;
  pieces: number;
  /** In the run that had the fewest. */
  piecesLeast: number;
  simulatedMs: number;
  /** A hash of 64 letters over each seed and its trace's hash, in any order. */
  hash: string;
  /** What was reached, and how often. */
  covered: ReadonlyMap<string, number>;
  /** How many runs have provoked each refusal of consent and intake; without those that none has. */
  provoked: ReadonlyMap<string, number>;
}

export interface SeedOptions {
  workers: number;
  footage: Footage;
  /** The next seed; null: no more. */
  next(): number | null;
  /** Called with each seed's result, as it ends. */
  done(summary: RunSummary): void;
}

/** Runs all seeds to their ends. Rejects for a bug of the simulation itself. */
export async function runSeeds(options: SeedOptions): Promise<SeedTotals> {
  const covered = new Map<string, number>();
  const provoked = new Map<string, number>();
  const sum = { runs: 0, cpuMs: 0, pieces: 0, piecesLeast: 0, simulatedMs: 0, covered, provoked };
  let mixed = 0n;
  const done = (summary: RunSummary) => {
    sum.piecesLeast = sum.runs === 0 ? summary.pieces : Math.min(sum.piecesLeast, summary.pieces);
    sum.runs += 1;
    sum.cpuMs += summary.cpuMs;
    sum.pieces += summary.pieces;
    sum.simulatedMs += summary.simulatedMs;
    mixed ^= BigInt(`0x${sha256Hex(`${summary.seed} ${summary.hash}`)}`);
    addCoverage(covered, summary.covered);
    for (const code of provokedIn(summary.covered)) provoked.set(code, (provoked.get(code) ?? 0) + 1);
    options.done(summary);
  };
  const children = Array.from({ length: options.workers }, () =>
    // Structured clone, for maps and bytes.
    fork(PROGRAM, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' }),
  );
  try {
    await Promise.all(children.map((child) => feed(child, { ...options, done })));
    return { ...sum, hash: mixed.toString(16).padStart(64, '0') };
  } finally {
    for (const child of children) if (child.connected) child.disconnect();
  }
}

/** Sends a process seeds until there are no more; resolves when it has ended. */
function feed(child: ChildProcess, { footage, next, done }: SeedOptions): Promise<void> {
  const give = (job: SeedJob) => void child.send(job);
  return new Promise((resolve, reject) => {
    child.on('message', (answer: SeedAnswer) => {
      if ('summary' in answer) done(answer.summary);
      const seed = next();
      if (seed !== null) give({ seed });
      else child.disconnect();
    });
    child.once('error', reject);
    child.once('exit', (status, signal) => {
      if (status === 0) resolve();
      else reject(new Error(`a process of the simulation ended with ${signal ?? status}`));
    });
    give({ footage });
  });
}
