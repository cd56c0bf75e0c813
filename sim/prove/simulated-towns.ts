// Owns: the claim that simulated towns show: how many seeds are run and for how long, what is looked at, what it shows and does not show.
// Not here: towns and the promises they are held to (test/proofs/simulate), which the project's checkout has and no package does.
import { existsSync } from 'node:fs';
import type { Clock } from '@doorsill/base/clock';
import { findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { lengthText } from '../report/report-words.ts';
import { broken, type Check, type Claim, type ClaimText, judged, leftOut } from './claim.ts';

/** What came of a town. */
export interface TownRun {
  readonly seed: number;
  readonly result: {
    /** The promises that did not hold. */
    readonly breaches: readonly { readonly rule: string; readonly what: string }[];
    readonly pieces: number;
    readonly simulatedMs: number;
    /** Of everything that happened. */
    readonly hash: string;
  };
}

/** What runs the town of a seed. */
export interface Towns {
  /** What happened in the towns so far, and how often. */
  readonly covered: ReadonlyMap<string, number>;
  run(seed: number): Promise<TownRun>;
  close(): void;
}

/** Where a checkout's build has the simulation. */
const SIMULATION = new URL('../../../test/proofs/dist/simulate/simulate.js', import.meta.url);

/** Seeds from 1 on: as many as fit into the time, but not fewer than the least. */
export interface TownLimits {
  seeds: number;
  seedsLeast: number;
  runningMs: number;
}

const WITHOUT_SIMULATION = 'the simulation is in the project’s checkout, where `npm run simulate` runs it, too';

const LIMITS: TownLimits = { seeds: 200, seedsLeast: 50, runningMs: 30_000 };

/** What must have happened in the towns for their silence to mean anything: how it is called there, and for people. */
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
  towns: number;
  pieces: number;
  simulatedMs: number;
  /** The first town in which a promise did not hold; no other was run after it. */
  found: TownRun | null;
  hash: string;
}

/**
 * Runs the towns and calls `ended` with the claim. Throws the signal's reason between two towns; what else goes wrong makes the claim
 * false, and without the simulation it is left out. `open`: absent, the towns of this checkout, whose code is loaded only then.
 */
export async function proveByTowns(
  clock: Clock,
  signal: AbortSignal,
  ended: (claim: Claim) => void,
  { limits = LIMITS, open = openTowns }: { limits?: TownLimits; open?: () => Promise<Towns | null> } = {},
): Promise<Claim> {
  const claim = await examine(clock, signal, limits, open);
  ended(claim);
  return claim;
}

async function openTowns(): Promise<Towns | null> {
  if (!existsSync(SIMULATION)) return null;
  const { Simulation } = await import(SIMULATION.href);
  return Simulation.open(await findFfmpeg());
}

async function examine(
  clock: Clock,
  signal: AbortSignal,
  limits: TownLimits,
  open: () => Promise<Towns | null>,
): Promise<Claim> {
  let towns: Towns | null = null;
  try {
    towns = await open();
    if (towns === null) return leftOut(textOf(null, limits), WITHOUT_SIMULATION);
    const ran = await runSeeds(towns, clock, signal, limits);
    const checks = [promisesCheck(ran), provokedCheck(towns.covered)];
    if (ran.found === null) checks.push(sameCheck(ran.hash, (await towns.run(1)).result.hash));
    return judged(textOf(ran, limits), checks);
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return broken(textOf(null, limits), thrown);
  } finally {
    towns?.close();
  }
}

async function runSeeds(towns: Towns, clock: Clock, signal: AbortSignal, limits: TownLimits): Promise<Ran> {
  const endMs = clock.monotonicMs() + limits.runningMs;
  const ran: Ran = { towns: 0, pieces: 0, simulatedMs: 0, found: null, hash: '' };
  const isTime = () => ran.towns < limits.seeds && (ran.towns < limits.seedsLeast || clock.monotonicMs() < endMs);
  while (isTime() && ran.found === null) {
    signal.throwIfAborted();
    const town = await towns.run(ran.towns + 1);
    const { breaches, pieces, simulatedMs, hash } = town.result;
    if (ran.towns === 0) ran.hash = hash;
    ran.towns += 1;
    ran.pieces += pieces;
    ran.simulatedMs += simulatedMs;
    if (breaches.length > 0) ran.found = town;
  }
  return ran;
}

function promisesCheck({ found, towns, pieces, simulatedMs }: Ran): Check {
  const what = 'Every promise held in every town, from its first moment to its last';
  if (found === null) {
    const seen = `${towns} towns, ${lengthText(simulatedMs)} of their own time, ${pieces} pieces on their networks, none against a promise`;
    return { what, seen, holds: true };
  }
  const [first] = found.result.breaches;
  const seen = `seed ${found.seed}: promise ${first?.rule}: ${first?.what}; npm run simulate -- --seed ${found.seed} --trace shows it again`;
  return { what, seen, holds: false };
}

/** Nothing can go wrong where nothing happens. */
function provokedCheck(covered: Towns['covered']): Check {
  const counts = PROVOKED.map(([what, name]) => ({ name, times: covered.get(what) ?? 0 }));
  return {
    what: 'Owners decided in these towns, and what could go wrong did',
    seen: counts.map(({ name, times }) => `${times} ${name}`).join(', '),
    holds: counts.every(({ times }) => times > 0),
  };
}

function sameCheck(first: string, again: string): Check {
  return {
    what: 'A seed is the same town again, to the byte: what one finds, everybody can see again',
    seen: `seed 1 twice: ${first.slice(0, 16)} and ${again.slice(0, 16)}`,
    holds: first === again,
  };
}

/** `ran`: null when they could not be run to their end. */
function textOf(ran: Pick<Ran, 'towns' | 'simulatedMs'> | null, { seeds }: TownLimits): ClaimText {
  const lived = ran
    ? `${ran.towns} towns lived ${lengthText(ran.simulatedMs)} in all`
    : `Up to ${seeds} towns were to live`;
  const isCutShort = ran !== null && ran.towns < seeds;
  return {
    id: 'simulated-towns',
    title: 'Whole towns under random faults keep every promise',
    done: `${lived}, in a time of their own: doorbells, owners, agencies, a broker, a registry, a bridge and a vault, each town drawn from a seed. Power was cut in the middle of writes, disks were full, slow or failing, clocks jumped, links were late, silent or lost, services went, and a broker repeated, withheld and reordered what owners had said. In the project's checkout \`npm run simulate\` does the same.${isCutShort ? ` ${seeds} seeds were wanted; the run ended before the others.` : ''}`,
    shows:
      'In these towns no picture went to the bridge that was not granted, each clip was there once, no decision was lost, every ledger verified, revocations won, and every grant came to an end.',
    notShown: `It does not show other orders of events than these seeds draw: \`npm run simulate -- --from ${seeds + 1} --minutes 30\` looks at others. Disk, network and ffmpeg of a town are in memory, and its clips begin with a group of pictures; the claims above are about real ones.`,
  };
}
