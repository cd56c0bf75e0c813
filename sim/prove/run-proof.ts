// Owns: a proof from its first claim to its last, as one document. Not here: the claims, the page (proof-page.ts), the command line.
import { arch, availableParallelism, platform } from 'node:os';
import type { Claim } from './claim.ts';
import { type ProveDeps, proveOnTestbed } from './play-testbed.ts';
import { proveByStories } from './shipped-stories.ts';
import { proveByTowns } from './simulated-towns.ts';

export interface Proof {
  format: 'doorsill-proof-1';
  /** `doorsill 0.1.0`. */
  tool: string;
  /** ISO 8601. */
  startedAt: string;
  durationMs: number;
  /** What it ran on, without anything that names the machine or its user. */
  machine: string;
  claims: Claim[];
}

export interface ProofOptions {
  tool: string;
  /** Whether the doorbell gets a network of its own where this user may make one. */
  wantsNamespace: boolean;
  /** Called with each claim once it is judged. */
  ended: (claim: Claim) => void;
}

/** Examines every claim. A claim that is false is in the document; throws only the signal's reason and what is no claim's. */
export async function runProof(options: ProofOptions, deps: ProveDeps, signal: AbortSignal): Promise<Proof> {
  const { clock, output, disk } = deps;
  const { tool, wantsNamespace, ended } = options;
  const startedMs = clock.monotonicMs();
  const startedAt = new Date(clock.wallUs() / 1_000).toISOString();
  const onTestbed = await proveOnTestbed(deps, wantsNamespace, signal);
  for (const claim of onTestbed) ended(claim);
  output.progress('Running stories that ship with doorsill, each in its own time ...');
  const byStories = await proveByStories(disk, signal, ended);
  output.progress('Simulating towns under random faults, one after the other ...');
  const byTowns = await proveByTowns(clock, signal, ended);
  return {
    format: 'doorsill-proof-1',
    tool,
    startedAt,
    durationMs: Math.round(clock.monotonicMs() - startedMs),
    machine: `${platform()} ${arch()}, ${availableParallelism()} processors, Node ${process.version}`,
    claims: [...onTestbed, ...byStories, byTowns],
  };
}
