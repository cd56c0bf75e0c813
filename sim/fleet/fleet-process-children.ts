// Parts of a fleet in processes of their own: starts them, keeps their latest reports, ends them.
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Failure, failure, isErrorCode } from '../errors.ts';
import type { PartJob, PartReport } from './fleet-process-part.ts';

const PROGRAM = fileURLToPath(new URL('./fleet-process-program.js', import.meta.url));

/** libuv's threads, which wait for the disk: each doorbell waits once a second, and the default is four. */
const UV_THREADPOOL_SIZE = '64';
/** Keeps glibc from giving each thread memory of its own. */
const MALLOC_ARENA_MAX = '2';
/** Large pages where the system has them: starting an ffmpeg copies the page table, which takes 100 ms for 5 GB of small pages. */
const GLIBC_TUNABLES = 'glibc.malloc.hugetlb=1';
/**
 * Sealing makes garbage outside of the heap for each second of footage. A small young generation frees it soon, and a heap that may grow by
 * half between full collections is collected seldom. Measured before TRANSFER_ARGS were added: without MEMORY_ARGS a thousand doorbells
 * took three times as much processor time.
 */
const MEMORY_ARGS = ['--max-semi-space-size=4', '--heap-growing-percent=50'];
/** Node 20 frees memory at once (base/seal.ts) only with this flag. */
const TRANSFER_ARGS = 'transfer' in ArrayBuffer.prototype ? [] : ['--harmony-rab-gsab-transfer'];

/** The number that one thread starts and serves without delaying their footage. */
const DOORBELLS_A_PROCESS = 500;

/** The default number of processes for `doorbells`: at most one for each processor, at least one. */
export function processesFor(doorbells: number, processors = availableParallelism()): number {
  return Math.max(1, Math.min(processors, Math.ceil(doorbells / DOORBELLS_A_PROCESS)));
}

/** To a process. */
export type PartOrder = { readonly begin: PartJob } | { readonly stop: true } | { readonly hurry: true };
/** From a process: its report of each second, its last one, or why it could not begin. */
export type PartAnswer =
  | { readonly report: PartReport }
  | { readonly ended: PartReport }
  | { readonly failed: { readonly code: string; readonly facts: Readonly<Record<string, string | number>> } };

export interface ChildSinks {
  report(report: PartReport): void;
  /** The process has ended by itself, and its doorbells with it. */
  died(how: string): void;
}

/** One part in a process of its own. */
export class ChildPart {
  private readonly child: ChildProcess;
  private readonly sinks: ChildSinks;
  private ended: PartReport | null = null;
  private failed: Failure | null = null;
  private isStopping = false;
  private readonly gone: Promise<void>;

  constructor(job: PartJob, sinks: ChildSinks) {
    this.sinks = sinks;
    this.child = fork(PROGRAM, [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // Sends maps and bytes as they are.
      serialization: 'advanced',
      execArgv: [...process.execArgv, ...MEMORY_ARGS, ...TRANSFER_ARGS],
      env: { ...process.env, UV_THREADPOOL_SIZE, MALLOC_ARENA_MAX, GLIBC_TUNABLES },
    });
    this.child.on('message', (answer: PartAnswer) => this.receive(answer));
    this.gone = new Promise((resolve) => {
      this.child.once('error', () => resolve());
      this.child.once('exit', (status, signal) => {
        resolve();
        if (!this.isStopping) sinks.died(signal ?? `status ${status}`);
      });
    });
    this.order({ begin: job });
  }

  /** Why it could not begin; null if it did. */
  get failure(): Failure | null {
    return this.failed;
  }

  /** Ends it in order; returns its last report, null if it was gone before. `hurry`: do not wait for clips any longer. */
  async stop(hurry: AbortSignal): Promise<PartReport | null> {
    this.isStopping = true;
    this.order({ stop: true });
    const hasten = () => this.order({ hurry: true });
    hurry.addEventListener('abort', hasten, { once: true });
    if (hurry.aborted) hasten();
    await this.gone;
    hurry.removeEventListener('abort', hasten);
    return this.ended;
  }

  private order(order: PartOrder): void {
    if (this.child.connected) this.child.send(order, () => undefined);
  }

  private receive(answer: PartAnswer): void {
    if ('failed' in answer) {
      const { code, facts } = answer.failed;
      this.failed = isErrorCode(code) ? failure(code, { ...facts }) : failure('internal', { detail: code });
    } else if ('ended' in answer) {
      this.ended = answer.ended;
      this.child.disconnect();
    } else {
      this.sinks.report(answer.report);
    }
  }
}
