// Runs scenarios in parallel, one at a time in each worker process. If a process dies, only its current scenario fails.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SystemClock, type Timer } from '@doorsill/base/clock';
import type { Scenario } from '../language/scenario.ts';
import type { ScenarioRun } from '../running/run-scenario.ts';

/** To a worker. */
export interface WorkerJob {
  job: number;
  scenario: Scenario;
  update: boolean;
  rerun: string;
}

/** From a worker: it is ready, or a job's result. */
export type WorkerAnswer =
  | { ready: true }
  | { job: number; run: ScenarioRun }
  | { job: number; error: { message: string; stack: string; code?: string } };

const PROGRAM = fileURLToPath(new URL('./worker.js', import.meta.url));
/** How much of a process's last output its death report contains. */
const LAST_WORDS_LETTERS = 4_000;

/** How long a stopped process may take to end its parts before it is killed. */
const STOP_MS_MAX = 8_000;
const machine = new SystemClock();

export type Outcome = Extract<WorkerAnswer, { job: number }>;

export interface PoolOptions {
  workers: number;
  /** Called with each outcome as it comes. */
  done(outcome: Outcome): void;
}

/** Runs all jobs; resolves when each has an outcome, or after an abort when running ones have ended. */
export async function runInPool(
  jobs: readonly WorkerJob[],
  { workers, done }: PoolOptions,
  signal: AbortSignal,
): Promise<void> {
  const waiting = [...jobs];
  const lanes = Array.from({ length: Math.min(workers, jobs.length) }, () => new Lane(waiting, done, signal));
  await Promise.all(lanes.map((lane) => lane.run()));
}

/** One worker process; a new one after each failure. */
class Lane {
  private readonly waiting: WorkerJob[];
  private readonly done: PoolOptions['done'];
  private readonly signal: AbortSignal;

  constructor(waiting: WorkerJob[], done: PoolOptions['done'], signal: AbortSignal) {
    this.waiting = waiting;
    this.done = done;
    this.signal = signal;
  }

  async run(): Promise<void> {
    while (this.waiting.length > 0 && !this.signal.aborted) await this.runProcess();
  }

  /** Sends a worker process jobs until there are none left, or it has ended. */
  private runProcess(): Promise<void> {
    const child = fork(PROGRAM, [], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const words = lastWordsOf(child);
    let current: WorkerJob | null = null;
    const leave = () => void (child.connected && child.disconnect());
    const next = () => {
      current = this.signal.aborted ? null : (this.waiting.shift() ?? null);
      if (current) child.send(current);
      else leave();
    };
    let patience: Timer | null = null;
    const stop = () => {
      child.kill('SIGTERM');
      patience = machine.after(STOP_MS_MAX, () => child.kill('SIGKILL'));
    };
    this.signal.addEventListener('abort', stop, { once: true });
    return new Promise((resolve) => {
      child.on('message', (answer: WorkerAnswer) => {
        if ('job' in answer) {
          current = null;
          if (!this.signal.aborted || 'run' in answer) this.done(answer);
        }
        // A failure may have left the process in a bad state, so it is replaced.
        if ('error' in answer) leave();
        else next();
      });
      child.once('exit', (code, how) => {
        this.signal.removeEventListener('abort', stop);
        patience?.cancel();
        if (current && !this.signal.aborted) {
          const message = `the process that ran it ended (${how ?? `status ${code}`})`;
          this.done({ job: current.job, error: { message, stack: words() } });
        }
        resolve();
      });
      child.once('error', () => undefined);
    });
  }
}

/** The last output of a process. */
function lastWordsOf(child: ChildProcess): () => string {
  let words = '';
  for (const pipe of [child.stdout, child.stderr]) {
    pipe?.on('data', (bytes: Buffer) => {
      words = (words + bytes.toString('utf8')).slice(-LAST_WORDS_LETTERS);
    });
  }
  return () => words;
}
