// Running a command of `doorsill` in the tests' own process, for a hundredth of what a process of its own costs.
import { Readable } from 'node:stream';
import { vi } from 'vitest';
import { main } from '../../sim/cli/main.ts';
import { LAUNCHER, type Line, type runCommand } from './command-line.ts';

/** Takes what the process writes to a stream, and gives the text of it. */
function captureWrites(stream: NodeJS.WriteStream): { text: () => string; end: () => void } {
  let text = '';
  const write = vi.spyOn(stream, 'write').mockImplementation((chunk) => {
    text += Buffer.from(chunk as Uint8Array).toString();
    return true;
  });
  return { text: () => text, end: () => write.mockRestore() };
}

/** Gives what removes the listeners that an event has from now on. */
function withoutLaterListeners(emitter: NodeJS.EventEmitter, event: string): () => void {
  const before = new Set(emitter.listeners(event));
  return () => {
    for (const later of emitter.listeners(event))
      if (!before.has(later)) emitter.off(event, later as (...args: unknown[]) => void);
  };
}

interface CallOptions {
  environment?: NodeJS.ProcessEnv;
  input?: string;
}

/** The command before: each has the process's output to itself. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs a command to its end, as `runCommand` does. `input`: what standard input holds, which stays open after it, as a terminal does; without it
 * standard input has ended.
 */
export async function callCommand(args: readonly string[], options: CallOptions = {}): ReturnType<typeof runCommand> {
  const called = last.then(() => call(args, options));
  last = called.catch(() => undefined);
  return called;
}

async function call(
  args: readonly string[],
  { environment = {}, input = '' }: CallOptions,
): ReturnType<typeof runCommand> {
  const { argv, env, exitCode } = process;
  const [out, error] = [captureWrites(process.stdout), captureWrites(process.stderr)];
  const stdin = new Readable({ read: () => undefined });
  stdin.push(input || null);
  const standardInput = vi.spyOn(process, 'stdin', 'get').mockReturnValue(stdin as typeof process.stdin);
  const forget = [
    ...['SIGUSR1', 'SIGINT', 'SIGTERM'].map((name) => withoutLaterListeners(process, name)),
    withoutLaterListeners(process.stdout, 'error'),
  ];
  Object.assign(process, { argv: [process.execPath, LAUNCHER, ...args], env: { ...env, ...environment }, exitCode: 0 });
  try {
    await main(process.argv);
    const lines: Line[] = out
      .text()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
    const status = Number(process.exitCode);
    return { status, lines, stdout: out.text(), stderr: error.text(), last: lines.at(-1) };
  } finally {
    Object.assign(process, { argv, env, exitCode });
    for (const each of forget) each();
    for (const each of [out, error]) each.end();
    standardInput.mockRestore();
    stdin.destroy();
  }
}
