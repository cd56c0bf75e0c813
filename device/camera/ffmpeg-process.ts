// Owns: what a running ffmpeg is to the rest, and the seam at which it is started. Not here: starting the machine's (ffmpeg-run.ts).
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '@doorsill/base/clock';
import type { Freedom } from './ffmpeg-kernel-limits.ts';

/** How a process ended: its exit status, or the signal that ended it. */
export interface ProcessEnd {
  readonly status: number | null;
  readonly signal: string | null;
  /** The last lines it wrote to stderr, without credentials. */
  readonly words: string;
}

/** A running ffmpeg. Whoever starts one reads all its pipes, or it blocks on a full one. */
export interface FfmpegProcess {
  readonly child: {
    readonly stdin: Writable | null;
    readonly stdout: Readable | null;
    /** All pipes by their descriptor. */
    readonly stdio: readonly (Readable | Writable | null | undefined)[];
  };
  /** Settles once, when the process is gone and its pipes are closed; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** Asks it to finish its files (SIGTERM) and, when it has not gone after `graceMs`, kills it. */
  end(clock: Clock, graceMs: number): Promise<ProcessEnd>;
  kill(): void;
}

/** How one ffmpeg is started. */
export interface StartOptions extends Freedom {
  /** How many pipes besides the standard three: descriptors 3, 4, ... */
  readonly pipes?: number;
  /** Called with each line of stderr as it comes. */
  readonly onLine?: (line: string) => void;
  readonly isBackground?: boolean;
}

/** Starts it with these arguments. Never throws: what cannot start ends at once with status null. */
export type StartFfmpeg = (args: readonly string[], options: StartOptions) => FfmpegProcess;
