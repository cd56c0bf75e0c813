// A worker process: runs scenarios one after the other for its parent. A process of its own, because a world's time advances when its
// process is idle.

import { SystemDisk } from '@doorsill/base/disk';
import { isFailure } from '../../errors.ts';
import { runScenario } from '../running/run-scenario.ts';
import type { WorkerAnswer, WorkerJob } from './pool.ts';

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
// The terminal's Ctrl-C reaches the whole process group: the parent decides.
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
    // Nothing left by this run may keep the process alive, or affect the next run.
    process.exit(0);
  }
  if (stopping.signal.aborted) process.exit(0);
}

void answered({ ready: true });
