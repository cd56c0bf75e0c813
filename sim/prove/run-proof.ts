import { arch, availableParallelism, platform } from 'node:os';
import type { Claim } from './claim.ts';
import { type ProveDeps, proveOnTestbed } from './play-testbed.ts';
import { proveByStories } from './scenario-claims.ts';
import { proveBySimulation } from './simulation-claim.ts';

export interface Proof {
  format: 'doorsill-proof-1';
  /** `doorsill 1.0.0`. */
  tool: string;
  /** ISO 8601. */
  startedAt: string;
  durationMs: number;
  /** Platform, processors and Node version; nothing that identifies the machine or its user. */
  machine: string;
  claims: Claim[];
}

export interface ProofOptions {
  tool: string;
  /** Give the doorbell its own network namespace where this user may make one. */
  wantsNamespace: boolean;
  /** Called with each claim once it is judged. */
  ended: (claim: Claim) => void;
}

/** Examines every claim, false ones included. Throws only the signal's reason and errors that keep a testbed from starting. */
export async function runProof(options: ProofOptions, deps: ProveDeps, signal: AbortSignal): Promise<Proof> {
  const { clock, output, disk } = deps;
  const { tool, wantsNamespace, ended } = options;
  const startedMs = clock.monotonicMs();
  const startedAt = new Date(clock.wallUs() / 1_000).toISOString();
  const onTestbed = await proveOnTestbed(deps, wantsNamespace, signal);
  for (const claim of onTestbed) ended(claim);
  output.progress('Running scenarios that ship with doorsill, in simulated time ...');
  const byStories = await proveByStories(disk, signal, ended);
  output.progress('Simulating deployments under random faults, seed by seed ...');
  const bySimulation = await proveBySimulation(clock, signal, ended);
  return {
    format: 'doorsill-proof-1',
    tool,
    startedAt,
    durationMs: Math.round(clock.monotonicMs() - startedMs),
    machine: `${platform()} ${arch()}, ${availableParallelism()} processors, Node ${process.version}`,
    claims: [...onTestbed, ...byStories, bySimulation],
  };
}
