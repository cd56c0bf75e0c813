// Interface of a running ffmpeg and of starting one, which a simulation replaces.
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '@doorsill/base/clock';
import type { Freedom } from './ffmpeg-kernel-limits.ts';

/** How a process ended: its exit status, or the signal that ended it. */
export interface ProcessEnd {
  readonly status: number | null;
  readonly signal: string | null;
  /** The last lines of stderr, without credentials. */
  readonly words: string;
}

/** A running ffmpeg. The caller must read all its pipes, because it blocks on a full one. */
export interface FfmpegProcess {
  readonly child: {
    readonly stdin: Writable | null;
    readonly stdout: Readable | null;
    /** All pipes by descriptor. */
    readonly stdio: readonly (Readable | Writable | null | undefined)[];
  };
  /** Settles once, when the process is gone and its pipes are closed; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** Sends SIGTERM, and kills it if it is still there after `graceMs`. */
  end(clock: Clock, graceMs: number): Promise<ProcessEnd>;
  kill(): void;
}

/** Options of starting one ffmpeg. */
export interface StartOptions extends Freedom {
  /** Number of pipes besides the standard three: descriptors 3, 4, ... */
  readonly pipes?: number;
  /** Called with each line of stderr as it comes. */
  readonly onLine?: (line: string) => void;
  readonly isBackground?: boolean;
}

/** Starts ffmpeg. Never throws: a process that cannot start ends at once with status null. */
export type StartFfmpeg = (args: readonly string[], options: StartOptions) => FfmpegProcess;
