// A claim of `doorsill prove`: simulated deployments keep every invariant under faults. It runs the simulation (test/proofs/simulate),
// which is in the project's checkout and in no package.
import { existsSync } from 'node:fs';
import type { Clock } from '@doorsill/base/clock';
import { findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { lengthText } from '../report/report-words.ts';
import { broken, type Check, type Claim, type ClaimText, judged, leftOut } from './claim.ts';

/** The result of one seed. */
export interface SeedRun {
  readonly seed: number;
  readonly result: {
    /** The invariants that did not hold. */
    readonly breaches: readonly { readonly rule: string; readonly what: string }[];
    /** Number of simulated network chunks. */
    readonly pieces: number;
    readonly simulatedMs: number;
    /** Hash of all events. */
    readonly hash: string;
  };
}

/** Simulates a deployment drawn from a seed. */
export interface SeedSimulation {
  /** How often each kind of event has happened so far. */
  readonly covered: ReadonlyMap<string, number>;
  run(seed: number): Promise<SeedRun>;
  close(): void;
}

/** The simulation in a checkout's build. */
const SIMULATION = new URL('../../../test/proofs/dist/simulate/simulate.js', import.meta.url);

/** Seeds from 1 on: as many as fit into `runningMs`, but at least `seedsLeast`. */
export interface SeedLimits {
  seeds: number;
  seedsLeast: number;
  runningMs: number;
}

const WITHOUT_SIMULATION = 'the simulation is only in the project’s checkout, where `npm run simulate` runs it, too';

const LIMITS: SeedLimits = { seeds: 200, seedsLeast: 50, runningMs: 30_000 };

/** Events that must have happened, or a run without breaches shows nothing. Each: its name in the simulation, its name in the report. */
const PROVOKED: readonly [string, string][] = [
  ['ledger granted', 'grants'],
  ['ledger delivered', 'clips delivered'],
  ['receipt denied', 'denials'],
  ['receipt revoked', 'revocations'],
  ['crash', 'power cuts'],
  ['act disk', 'disk faults'],
  ['act link', 'link faults'],
  ['act clock', 'wrong clocks'],
];

interface Ran {
  seeds: number;
  pieces: number;
  simulatedMs: number;
  /** The first seed with a breach, after which no other is run. */
  breach: SeedRun | null;
  hash: string;
}

/**
 * Runs the seeds, calls `ended` with the claim and returns it. The claim is left out where there is no simulation, and false after an
 * error. When the signal is aborted, throws its reason before the next seed. `open` loads the simulation, by default this checkout's.
 */
export async function proveBySimulation(
  clock: Clock,
  signal: AbortSignal,
  ended: (claim: Claim) => void,
  { limits = LIMITS, open = openSimulation }: { limits?: SeedLimits; open?: () => Promise<SeedSimulation | null> } = {},
): Promise<Claim> {
  const claim = await examine(clock, signal, limits, open);
  ended(claim);
  return claim;
}

async function openSimulation(): Promise<SeedSimulation | null> {
  if (!existsSync(SIMULATION)) return null;
  const { Simulation } = await import(SIMULATION.href);
  return Simulation.open(await findFfmpeg());
}

async function examine(
  clock: Clock,
  signal: AbortSignal,
  limits: SeedLimits,
  open: () => Promise<SeedSimulation | null>,
): Promise<Claim> {
  let simulation: SeedSimulation | null = null;
  try {
    simulation = await open();
    if (simulation === null) return leftOut(textOf(null, limits), WITHOUT_SIMULATION);
    const ran = await runSeeds(simulation, clock, signal, limits);
    const checks = [invariantsCheck(ran), provokedCheck(simulation.covered)];
    if (ran.breach === null) checks.push(sameCheck(ran.hash, (await simulation.run(1)).result.hash));
    return judged(textOf(ran, limits), checks);
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return broken(textOf(null, limits), thrown);
  } finally {
    simulation?.close();
  }
}

async function runSeeds(
  simulation: SeedSimulation,
  clock: Clock,
  signal: AbortSignal,
  limits: SeedLimits,
): Promise<Ran> {
  const endMs = clock.monotonicMs() + limits.runningMs;
  const ran: Ran = { seeds: 0, pieces: 0, simulatedMs: 0, breach: null, hash: '' };
  const isTime = () => ran.seeds < limits.seeds && (ran.seeds < limits.seedsLeast || clock.monotonicMs() < endMs);
  while (isTime() && ran.breach === null) {
    signal.throwIfAborted();
    const run = await simulation.run(ran.seeds + 1);
    const { breaches, pieces, simulatedMs, hash } = run.result;
    if (ran.seeds === 0) ran.hash = hash;
    ran.seeds += 1;
    ran.pieces += pieces;
    ran.simulatedMs += simulatedMs;
    if (breaches.length > 0) ran.breach = run;
  }
  return ran;
}

function invariantsCheck({ breach, seeds, pieces, simulatedMs }: Ran): Check {
  const what = 'Every invariant held in every deployment at all times';
  if (breach === null) {
    const seen = `${seeds} deployments, ${lengthText(simulatedMs)} of simulated time, ${pieces} network chunks, no breach`;
    return { what, seen, holds: true };
  }
  const [first] = breach.result.breaches;
  const seen = `seed ${breach.seed}: invariant ${first?.rule}: ${first?.what}; npm run simulate -- --seed ${breach.seed} --trace shows it again`;
  return { what, seen, holds: false };
}

/** A run in which nothing happened would show nothing. */
function provokedCheck(covered: SeedSimulation['covered']): Check {
  const counts = PROVOKED.map(([what, name]) => ({ name, times: covered.get(what) ?? 0 }));
  return {
    what: 'Decisions and all kinds of faults happened',
    seen: counts.map(({ name, times }) => `${times} ${name}`).join(', '),
    holds: counts.every(({ times }) => times > 0),
  };
}

function sameCheck(first: string, again: string): Check {
  return {
    what: 'A seed gives the same run again, byte for byte, so anybody can reproduce a finding',
    seen: `seed 1 twice: ${first.slice(0, 16)} and ${again.slice(0, 16)}`,
    holds: first === again,
  };
}

/** `ran`: null when the seeds could not be run to their end. */
function textOf(ran: Pick<Ran, 'seeds' | 'simulatedMs'> | null, { seeds }: SeedLimits): ClaimText {
  const extent = ran
    ? `${ran.seeds} deployments were simulated for ${lengthText(ran.simulatedMs)} in all`
    : `Up to ${seeds} deployments were to be simulated`;
  const isCutShort = ran !== null && ran.seeds < seeds;
  return {
    id: 'simulated-towns',
    title: 'Simulated deployments keep every invariant under random faults',
    done: `${extent}: doorbells, owners, agencies, a broker, a registry, a bridge and a vault, each deployment drawn from a seed. Power was cut in the middle of writes, disks were full, slow or failing, clocks jumped, links were slow, silent or lost, services stopped, and a broker repeated, withheld and reordered owners' messages. In the project's checkout \`npm run simulate\` does the same.${isCutShort ? ` ${seeds} seeds were planned; time was up before the others.` : ''}`,
    shows:
      'In these deployments no picture went to the bridge without a grant, each clip was there once, no decision was lost, every ledger verified, revocations won, and every grant came to an end.',
    notShown: `It does not show other orders of events than these seeds draw: \`npm run simulate -- --from ${seeds + 1} --minutes 30\` tries others. The simulated disks, network and ffmpeg are in memory, and every simulated clip begins at a GOP; the other claims use real ones.`,
  };
}
