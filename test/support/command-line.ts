// Running the built command line as a user does: processes of their own, JSON lines read back, nothing left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../layout/source-tree.ts';

export const LAUNCHER = join(root, 'sim/cli/doorsill.mjs');

export type Line = Record<string, unknown>;

/** A folder that is removed by `dispose`. */
export function temporaryFolder(name: string): { path: string; dispose: () => void } {
  const path = mkdtempSync(join(tmpdir(), `doorsill-test-${name}-`));
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) };
}

/** One running command. */
export class Running {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  private stderrText = '';
  private stdoutText = '';
  private rest = '';
  private readonly waiters = new Set<() => void>();
  private exit: { code: number | null; signal: NodeJS.Signals | null } | null = null;

  /** `under`: a command that runs it, such as one that enters a namespace. `launcher`: another program of ours than `doorsill`. */
  constructor(
    args: readonly string[],
    environment: NodeJS.ProcessEnv = {},
    under: readonly string[] = [],
    launcher = LAUNCHER,
  ) {
    const [program = '', ...words] = [...under, process.execPath, launcher, ...args];
    this.child = spawn(program, words, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdoutText += chunk.toString();
      const parts = (this.rest + chunk.toString()).split('\n');
      this.rest = parts.pop() ?? '';
      for (const part of parts) if (part.startsWith('{')) this.lines.push(JSON.parse(part));
      this.wake();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderrText += chunk.toString();
    });
    this.child.once('close', (code, signal) => {
      this.exit = { code, signal };
      this.wake();
    });
  }

  get stdout(): string {
    return this.stdoutText;
  }

  get stderr(): string {
    return this.stderrText;
  }

  private wake(): void {
    for (const waiter of [...this.waiters]) waiter();
  }

  /** The first line, from the `after`-th on, that `pick` accepts; rejects when the command ends or `seconds` pass before. */
  line(what: string, pick: (line: Line) => boolean, seconds = 60, after = 0): Promise<Line> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => end(() => reject(new Error(this.story(`no ${what} within ${seconds} s`)))),
        seconds * 1000,
      );
      const end = (call: () => void) => {
        clearTimeout(timer);
        this.waiters.delete(look);
        call();
      };
      const look = () => {
        const found = this.lines.slice(after).find(pick);
        if (found) end(() => resolve(found));
        else if (this.exit) end(() => reject(new Error(this.story(`ended before ${what}`))));
      };
      this.waiters.add(look);
      look();
    });
  }

  /** Resolves with the exit status once the command has ended. */
  ended(seconds = 120): Promise<number | null> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(this.story(`still running after ${seconds} s`))), seconds * 1000);
      const look = () => {
        if (!this.exit) return;
        clearTimeout(timer);
        this.waiters.delete(look);
        resolve(this.exit.code);
      };
      this.waiters.add(look);
      look();
    });
  }

  /** Ctrl-C, and waits; kills it when it does not end. */
  async stop(): Promise<void> {
    if (this.exit) return;
    this.child.kill('SIGINT');
    await this.ended(20).catch(async () => {
      this.child.kill('SIGKILL');
      await this.ended(5);
      throw new Error(this.story('did not end on Ctrl-C'));
    });
  }

  private story(what: string): string {
    const told = this.lines.slice(-30).map((line) => JSON.stringify(line).slice(0, 400));
    return `${what}\nlast lines:\n${told.join('\n')}\nstderr:\n${this.stderrText.slice(-3000)}`;
  }
}

/** Runs a command to its end. */
export async function runCommand(
  args: readonly string[],
  options: { seconds?: number; environment?: NodeJS.ProcessEnv; launcher?: string } = {},
): Promise<{ status: number | null; lines: Line[]; stdout: string; stderr: string; last: Line | undefined }> {
  const running = new Running(args, options.environment, [], options.launcher);
  const status = await running.ended(options.seconds ?? 120);
  const { lines, stdout, stderr } = running;
  return { status, lines, stdout, stderr, last: lines.at(-1) };
}

/** Runs a story to its end; `left` are the processes and files that it left behind. */
export async function runStory(name: string): Promise<Awaited<ReturnType<typeof runCommand>> & { left: string[] }> {
  // A temporary folder of its own: others may run stories at the same time.
  const folder = temporaryFolder('story');
  try {
    const done = await runCommand(['story', name, '--json'], { environment: { TMPDIR: folder.path } });
    return { ...done, left: [...processesNaming(folder.path), ...readdirSync(folder.path)] };
  } finally {
    folder.dispose();
  }
}

/** Live processes whose command line names `text`, this one left out. */
export function processesNaming(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((line) => line.includes(text));
}

/** What a stand-in for a program, a script of sh, says: the lines of a here-document. By sh alone, for a bare machine has no `cat`. */
export const SAY = `while IFS= read -r line; do printf '%s\\n' "$line"; done`;
