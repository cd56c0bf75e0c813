// The simulation's claim is shown only when enough seeds ran, every kind of event happened, no invariant broke, and a seed repeats its run.
// @own-process: a simulation replaces the clock, the network and the disk of its process
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { Claim } from '../../../sim/prove/claim.ts';
import { proofHtml } from '../../../sim/prove/proof-page.ts';
import { proveBySimulation, type SeedRun, type SeedSimulation } from '../../../sim/prove/simulation-claim.ts';
import { Simulation } from '../../proofs/simulate/simulate.ts';
import { sampleProof } from './support/sample-proof.ts';

const HAPPENED = [
  ...['ledger granted', 'ledger delivered', 'receipt denied', 'receipt revoked'],
  ...['crash', 'act disk', 'act link', 'act clock'],
];

/** A simulation whose seeds take a second each, with planned faults. */
class ListedSeeds implements SeedSimulation {
  readonly covered: Map<string, number>;
  readonly ran: number[] = [];
  isClosed = false;
  private readonly clock: ManualClock;
  private readonly wrong: { brokenSeed?: number; isOtherTwice?: boolean };

  constructor(clock: ManualClock, wrong: { brokenSeed?: number; isOtherTwice?: boolean; without?: string } = {}) {
    this.clock = clock;
    this.wrong = wrong;
    this.covered = new Map(HAPPENED.filter((what) => what !== wrong.without).map((what) => [what, 3]));
  }

  async run(seed: number): Promise<SeedRun> {
    this.ran.push(seed);
    await this.clock.advance(1_000);
    const { brokenSeed, isOtherTwice } = this.wrong;
    const breaches = seed === brokenSeed ? [{ rule: '6', what: 'a decision was lost' }] : [];
    const hash = isOtherTwice ? `${this.ran.length}`.repeat(64) : `${seed}`.repeat(64);
    return { seed, result: { breaches, hash, pieces: 10, simulatedMs: 600_000 } };
  }

  close(): void {
    this.isClosed = true;
  }
}

const LIMITS = { seeds: 9, seedsLeast: 3, runningMs: 5_500 };

async function prove(
  wrong: ConstructorParameters<typeof ListedSeeds>[1] = {},
  limits = LIMITS,
): Promise<{ claim: Claim; simulation: ListedSeeds; holds: boolean[] }> {
  const clock = new ManualClock(0);
  const simulation = new ListedSeeds(clock, wrong);
  const told: Claim[] = [];
  const open = async () => simulation;
  const claim = await proveBySimulation(clock, new AbortController().signal, (each) => told.push(each), {
    limits,
    open,
  });
  expect(told).toEqual([claim]);
  expect(simulation.isClosed).toBe(true);
  return { claim, simulation, holds: claim.checks.map(({ holds }) => holds) };
}

describe('the claim about simulated deployments', () => {
  it('runs the seeds that fit into its time, says how many, and runs the first one twice', async () => {
    const { claim, simulation } = await prove();
    expect(simulation.ran).toEqual([1, 2, 3, 4, 5, 6, 1]);
    expect(claim.verdict).toBe('shown');
    expect(claim.done).toMatch(/^6 deployments were simulated for 1 h in all/);
    expect(claim.done).toContain('9 seeds were planned');
    expect(claim.checks[0]?.seen).toContain('6 deployments, 1 h of simulated time, 60 network chunks');
  });

  it('runs the least number of seeds however slow the machine is, and no more than it wants', async () => {
    expect((await prove({}, { ...LIMITS, runningMs: 0 })).simulation.ran).toEqual([1, 2, 3, 1]);
    const whole = await prove({}, { ...LIMITS, runningMs: 100_000 });
    expect(whole.simulation.ran).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 1]);
    expect(whole.claim.done).not.toContain('were planned');
  });

  it('is false at the first seed that breaks an invariant, and says how to reproduce it', async () => {
    const { claim, simulation, holds } = await prove({ brokenSeed: 4 });
    expect(simulation.ran).toEqual([1, 2, 3, 4]);
    expect(claim.verdict).toBe('false');
    expect(holds).toEqual([false, true]);
    expect(claim.checks[0]?.seen).toContain('seed 4: invariant 6: a decision was lost');
    expect(claim.checks[0]?.seen).toContain('npm run simulate -- --seed 4 --trace');
  });

  it('is false when nobody revoked, or when a seed gives another run the second time', async () => {
    expect((await prove({ without: 'receipt revoked' })).holds).toEqual([true, false, true]);
    expect((await prove({ isOtherTwice: true })).holds).toEqual([true, true, false]);
  });

  it('is left out without the simulation, and says where it is', async () => {
    const claim = await proveBySimulation(new ManualClock(0), new AbortController().signal, () => undefined, {
      open: async () => null,
    });
    expect(claim).toMatchObject({ verdict: 'left out', why: expect.stringContaining('npm run simulate') });
  });

  it('is false when seeds cannot be run, and stops between two seeds on the signal', async () => {
    const clock = new ManualClock(0);
    const stop = new AbortController();
    const open = async (): Promise<SeedSimulation> => {
      throw new Error('no ffmpeg');
    };
    expect((await proveBySimulation(clock, stop.signal, () => undefined, { limits: LIMITS, open })).verdict).toBe(
      'false',
    );
    const simulation = new ListedSeeds(clock);
    stop.abort(new Error('Ctrl-C'));
    const stopped = proveBySimulation(clock, stop.signal, () => undefined, {
      limits: LIMITS,
      open: async () => simulation,
    });
    await expect(stopped).rejects.toThrow('Ctrl-C');
    expect([simulation.ran, simulation.isClosed]).toEqual([[], true]);
  });

  it('is on the page with its commands as code', async () => {
    const { claim } = await prove();
    const page = proofHtml({ ...sampleProof(), claims: [claim] }, { script: '', style: '' });
    expect(page).toContain('<code>npm run simulate</code>');
    expect(page).toContain('<code>npm run simulate -- --from 10 --minutes 30</code>');
  });

  it('is shown by deployments of the product', { tags: ['long'], timeout: 180_000 }, async () => {
    const limits = { seeds: 6, seedsLeast: 6, runningMs: 0 };
    const open = async () => Simulation.open(await findFfmpeg());
    const signal = new AbortController().signal;
    const claim = await proveBySimulation(new ManualClock(0), signal, () => undefined, { limits, open });
    expect(claim.checks.filter(({ holds }) => !holds)).toEqual([]);
    expect(claim.verdict).toBe('shown');
  });
});
