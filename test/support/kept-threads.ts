// A pool of vitest that keeps its thread from one run to the next, for `npm run check:mutants`: most of the time that a mutant takes is a
// new thread's, which loads the device again. A mutant of code that runs while modules load still gets a thread of its own: until the first
// test of a run a kept thread has the mutant of the run before, which no code meets that runs so early.
import { Worker } from 'node:worker_threads';
import type { PoolOptions, PoolWorker, Vite, WorkerRequest, WorkerResponse } from 'vitest/node';

const NAME = 'kept-threads';

type Listener = (said: unknown) => void;

/** The thread that waits for the next run. */
let kept: Worker | null = null;

/** One run's worker, in the thread of the one before where that may be. */
class KeptThread implements PoolWorker {
  readonly name = NAME;
  private readonly options: PoolOptions;
  private readonly listeners: [event: string, listener: Listener][] = [];
  private thread: Worker | null = null;
  /** Vitest starts a worker and stops it again for every run; a kept thread was started long ago, and goes on. */
  private isStarted = false;

  constructor(options: PoolOptions) {
    this.options = options;
  }

  /** Whether this run's mutant is of code that runs while modules load. Such a mutant is on while they do. */
  private get isStatic(): boolean {
    // Stryker provides it; vitest's types know of no such name.
    const provided: Record<string, unknown> = { ...this.options.project.getProvidedContext() };
    return provided['mutantActivation'] === 'static';
  }

  async start(): Promise<void> {
    this.isStarted = kept !== null && !this.isStatic;
    if (this.isStarted) {
      this.thread = kept;
      kept = null;
    } else {
      const { distPath, env, execArgv } = this.options;
      this.thread = new Worker(`${distPath}/workers/threads.js`, { env, execArgv, stdout: true, stderr: true });
      this.thread.stdout.resume();
      this.thread.stderr.resume();
    }
    this.thread?.ref();
  }

  on(event: string, listener: Listener): void {
    this.listeners.push([event, listener]);
    this.thread?.on(event, listener);
  }

  off(event: string, listener: Listener): void {
    this.thread?.off(event, listener);
  }

  /** What the thread would say, had it been asked. */
  private answer(type: 'started' | 'stopped'): void {
    const response: WorkerResponse = { type, __vitest_worker_response__: true };
    for (const [event, listener] of this.listeners) if (event === 'message') listener(response);
  }

  send(message: WorkerRequest): void {
    const isAsked = message.type !== 'stop' && !(message.type === 'start' && this.isStarted);
    if (isAsked) this.thread?.postMessage(message.type === 'run' ? this.withSettings(message) : message);
    else setImmediate(() => this.answer(message.type === 'stop' ? 'stopped' : 'started'));
  }

  /** The names of the tests to run are in the settings, which a kept thread got when it was started. */
  private withSettings(message: Extract<WorkerRequest, { type: 'run' }>): WorkerRequest {
    const context = { ...message.context, config: this.options.project.serializedConfig };
    return { ...message, context };
  }

  async stop(): Promise<void> {
    const { thread } = this;
    for (const [event, listener] of this.listeners) thread?.off(event, listener);
    this.thread = null;
    if (kept !== null || this.isStatic) {
      await thread?.terminate();
      return;
    }
    thread?.unref();
    kept = thread;
  }

  deserialize(data: unknown): unknown {
    return data;
  }
}

/** Makes vitest run its tests in one thread that it keeps, also where it was told to use threads of its own. */
export const keptThreads: Vite.Plugin = {
  name: NAME,
  configureVitest({ project, vitest }) {
    project.config.pool = NAME;
    project.config.poolRunner = { name: NAME, createPoolWorker: (options) => new KeptThread(options) };
    vitest.onClose(async () => void (await kept?.terminate()));
  },
};
