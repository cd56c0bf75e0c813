// One part of the testbed as a process of its own: starts it, waits until it is ready, restarts it after a crash, stops or kills it.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Backoff } from '@doorsill/base/backoff';
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Random } from '@doorsill/base/random';
import { z } from 'zod';
import { failure, isErrorCode } from '../errors.ts';
import { JsonLines, parseObject } from './json-lines.ts';

const LAUNCHER = fileURLToPath(new URL('../cli/entry.js', import.meta.url));
/** Long, because a busy or emulated small board takes minutes to load a part. A part that fails is reported at once. */
const READY_MS_MAX = 240_000;
const STOP_MS_MAX = 8_000;
const RESTARTS_MAX = 20;
/** A part that ends sooner after it was ready counts as not started: the next restart waits longer. */
const STEADY_MS = 2_000;

export interface ChildDeps {
  clock: Clock;
  random: Random;
  /** The program of the part; absent: the command line's. */
  program?: string;
  /** A command before the part's own, such as one that enters a network namespace; absent: none. */
  inside?: readonly string[];
  /** Called with the process id at each start. */
  onStart?: (pid: number) => void;
  /** Called when the part has ended by itself; `restartInMs` is null if it is not started again. */
  onCrash?: (name: string, detail: string, restartInMs: number | null) => void;
}

/**
 * Number of heaps that the C library keeps for a process's threads (mallopt(3), M_ARENA_MAX). The default is eight for each processor;
 * after an hour most of a doorbell's memory in them is free.
 */
const MALLOC_ARENA_MAX = '1';

/** Size of V8's young generation in MiB, as in a doorbell's systemd unit. */
const SEMI_SPACE = '--max-semi-space-size=4';

/** A supervised process running one `doorsill` verb. */
export class PartProcess {
  readonly name: string;
  private args: readonly string[];
  private readonly logFile: string;
  private readonly deps: ChildDeps;
  private process: ChildProcess | null = null;
  private restart: Timer | null = null;
  private stopping = false;
  private ended: Promise<void> = Promise.resolve();
  private readonly backoff: Backoff;

  /** `args`: the verb and its flags. The part's log goes to `logFile`, emptied at each start of the testbed. */
  constructor(name: string, args: readonly string[], logFile: string, deps: ChildDeps) {
    this.name = name;
    this.args = args;
    this.logFile = logFile;
    this.deps = deps;
    this.backoff = new Backoff(deps.random, 250, 10_000);
  }

  get pid(): number | null {
    return this.process?.pid ?? null;
  }

  /**
   * Starts it and resolves with its ready line; rejects with the failure that it prints if it ends before. `firstLine`: a secret that it
   * reads from its standard input, at this start only.
   */
  start(firstLine?: string): Promise<Record<string, unknown>> {
    const ready = this.launch('w');
    if (firstLine !== undefined) this.process?.stdin?.write(`${firstLine}\n`);
    return ready;
  }

  /** Sets the arguments of later starts: a restarted part must keep its port, and must not enrol twice. */
  restartsWith(args: readonly string[]): void {
    this.args = args;
  }

  private launch(logMode: 'w' | 'a'): Promise<Record<string, unknown>> {
    const log = openSync(this.logFile, logMode, 0o600);
    const { program = LAUNCHER, inside = [] } = this.deps;
    const [command = '', ...args] = [...inside, process.execPath, SEMI_SPACE, program, ...this.args, '--json'];
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { MALLOC_ARENA_MAX, ...process.env, DOORSILL_SUPERVISED: '1' },
      // Keeps Ctrl-C on the terminal from the parts: the supervisor stops them in order.
      detached: true,
    });
    this.process = child;
    if (child.pid !== undefined) this.deps.onStart?.(child.pid);
    let lastError = '';
    return new Promise((resolve, reject) => {
      let isReady = false;
      let steady: Timer | null = null;
      const late = this.deps.clock.after(READY_MS_MAX, () => {
        reject(failure('timed_out', { what: `the start of ${this.name}`, seconds: READY_MS_MAX / 1000 }));
        child.kill('SIGKILL');
      });
      const lines = new JsonLines((line) => {
        if (line['event'] === 'ready' && !isReady) {
          isReady = true;
          late.cancel();
          steady = this.deps.clock.after(STEADY_MS, () => this.backoff.reset());
          resolve(line);
        }
      });
      child.stdout?.on('data', (chunk: Buffer) => lines.push(chunk));
      child.stderr?.on('data', (chunk: Buffer) => {
        lastError = (lastError + chunk.toString()).slice(-4_000);
        keepInLog(log, chunk);
      });
      child.stdin?.on('error', () => {}); // the part may be gone already, which its exit reports
      this.ended = new Promise((done) => {
        child.once('error', (thrown) =>
          reject(failure('internal', { detail: `${this.name}: ${thrown.message}` }, thrown)),
        );
        child.once('close', (code, signal) => {
          late.cancel();
          steady?.cancel();
          closeSync(log);
          this.process = null;
          if (!isReady) reject(startFailure(this.name, lastError));
          else this.crashed(`${signal ?? `status ${code}`}`);
          done();
        });
      });
    });
  }

  private crashed(how: string): void {
    if (this.stopping) return;
    if (this.backoff.count >= RESTARTS_MAX) {
      this.deps.onCrash?.(this.name, how, null);
      return;
    }
    const waitMs = this.backoff.nextMs();
    this.deps.onCrash?.(this.name, how, waitMs);
    this.restart = this.deps.clock.after(waitMs, () => {
      this.restart = null;
      const launch = async () => this.launch('a');
      if (!this.stopping && !this.process) launch().catch((thrown: Error) => this.crashed(thrown.message));
    });
  }

  /** Ends it for good: asks it to stop, waits, and kills it if that takes too long. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.restart?.cancel();
    this.restart = null;
    const child = this.process;
    if (!child) return;
    const force = this.deps.clock.after(STOP_MS_MAX, () => child.kill('SIGKILL'));
    child.kill('SIGTERM');
    await this.ended;
    force.cancel();
  }

  /** Kills it at once, as a power cut would; it is restarted as after any crash. */
  kill(): void {
    this.process?.kill('SIGKILL');
  }
}

/** Writes to the log. On a full disk the output is lost, and the part goes on. */
function keepInLog(log: number, chunk: Buffer): void {
  try {
    writeSync(log, chunk);
  } catch {
    // The part reports the full disk itself, in its state and its answers.
  }
}

/** The failure that a part printed before it ended; `internal` with its last output if it printed none. */
function startFailure(name: string, printed: string) {
  const line = printed
    .trim()
    .split('\n')
    .findLast((text) => text.startsWith('{"error"'));
  const parsed = errorLineSchema.safeParse(line ? parseObject(line) : null);
  if (parsed.success) return failure(parsed.data.error.code, parsed.data.error.facts);
  return failure('internal', { detail: `${name} did not start: ${printed.slice(-500) || 'it printed nothing'}` });
}

const errorLineSchema = z.object({
  error: z.object({
    code: z.string().refine(isErrorCode),
    facts: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
});
