// Owns: the program of a worker: runs one scenario after the other for its parent, and ends with it. A process of its own, because a
// world's time passes when its process is quiet. Not here: running one (sim/scenario/running), which (pool.ts).

import { SystemDisk } from '@doorsill/base/disk';
import { isFailure } from '../../errors.ts';
import { runScenario } from '../running/run-scenario.ts';
import type { WorkerAnswer, WorkerJob } from './worker-messages.ts';

const stopping = new AbortController();
/** Resolves when the parent has it, or is gone. */
const answered = (said: WorkerAnswer) =>
  new Promise<void>((resolve) => {
    if (process.send) process.send(said, () => resolve());
    else resolve();
  });

process.on('message', (job: WorkerJob) => void work(job));
// Its parent is gone, or wants it to end.
process.on('disconnect', () => stop());
process.on('SIGTERM', () => stop());
// The terminal's Ctrl-C reaches the whole group: the parent decides.
process.on('SIGINT', () => undefined);

function stop(): void {
  if (stopping.signal.aborted) process.exit(1);
  stopping.abort(new Error('the run was stopped'));
}

async function work({ job, scenario, update, rerun }: WorkerJob): Promise<void> {
  try {
    const run = await runScenario(scenario, { disk: new SystemDisk(), update, rerun }, stopping.signal);
    await answered({ job, run });
  } catch (thrown) {
    const { message, stack = '' } = thrown instanceof Error ? thrown : new Error(String(thrown));
    await answered({ job, error: { message, stack, ...(isFailure(thrown) ? { code: thrown.code } : {}) } });
    // Nothing that this run has left may keep the process, or be there in the next.
    process.exit(0);
  }
  if (stopping.signal.aborted) process.exit(0);
}

void answered({ ready: true });
