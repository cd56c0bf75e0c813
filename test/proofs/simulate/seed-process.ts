// A process that runs one seed after the other for its parent. A process of its own, because a run replaces parts of the platform.
import { assert } from '@doorsill/contract/assert';
import type { SeedAnswer, SeedJob } from './seed-processes.ts';
import { Simulation } from './simulate.ts';

let simulation: Simulation | null = null;
/** Does nothing if the parent is gone. */
const say = (answer: SeedAnswer) => process.send?.(answer, () => undefined);

async function work(job: SeedJob): Promise<void> {
  if ('footage' in job) {
    simulation = await Simulation.on(job.footage);
    say({ ready: true });
    return;
  }
  assert(simulation, 'footage comes before seeds');
  const before = process.cpuUsage();
  const { result } = await simulation.run(job.seed);
  const { user, system } = process.cpuUsage(before);
  const { trace: _trace, ...summary } = result;
  say({ summary: { seed: job.seed, cpuMs: (user + system) / 1_000, ...summary } });
}

/** A bug of the simulation itself ends the process, which the parent sees. */
process.on('message', (job: SeedJob) => {
  work(job).catch((thrown: unknown) => {
    simulation?.close();
    process.stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
    process.exit(1);
  });
});
process.on('disconnect', () => {
  simulation?.close();
  process.exit(0);
});
// The terminal's Ctrl-C reaches the whole process group: the parent decides.
process.on('SIGINT', () => undefined);
