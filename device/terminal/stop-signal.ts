// The end of a command: by Ctrl-C, SIGTERM, or the end of the process that supervises it.
import { SystemClock } from '@doorsill/base/clock';
import { failure } from './errors.ts';

/** Ctrl-C reaches a script of npm's twice, within a few milliseconds: from the terminal, and from npm. */
const SAME_CTRL_C_MS = 200;

/** Aborted when this process is asked to stop. A second Ctrl-C calls `again`, which by default ends the process at once. */
export function stopSignal(again: () => void = () => process.exit(130)): AbortSignal {
  const controller = new AbortController();
  const clock = new SystemClock();
  let askedAt = Number.NEGATIVE_INFINITY;
  const stop = (signal: string) => {
    const now = clock.monotonicMs();
    if (!controller.signal.aborted) controller.abort(failure('interrupted', { signal }));
    else if (now - askedAt > SAME_CTRL_C_MS) again();
    else return;
    askedAt = now;
  };
  process.on('SIGINT', () => stop('Ctrl-C'));
  process.on('SIGTERM', () => stop('SIGTERM'));
  // A killed supervisor cannot send a signal, but its end of the pipe closes.
  if (process.env['DOORSILL_SUPERVISED'] === '1') {
    process.stdin.on('end', () => stop('the end of its supervisor'));
    process.stdin.on('error', () => stop('the end of its supervisor'));
    process.stdin.resume();
  }
  return controller.signal;
}

/** Runs a long-lived part: starts it, announces that it is ready, waits to be stopped, stops it. */
export async function serveUntilStopped(start: () => Promise<{ stop(): Promise<void> }>): Promise<void> {
  const signal = stopSignal();
  try {
    const part = await start();
    await aborted(signal);
    await part.stop();
  } finally {
    // A supervised part listens on stdin, which would otherwise keep the process alive.
    process.stdin.destroy();
  }
}

/** Resolves once the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
