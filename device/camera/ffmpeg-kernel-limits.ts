// Limits that the kernel enforces on ffmpeg. ffmpeg's own limits (allocations, pixels, streams, processor time) are in ffmpeg-run.ts and
// ffmpeg-capture-command.ts.
import { totalmem } from 'node:os';

const GIB = 1024 ** 3;

/** Memory of one ffmpeg: 2 GiB, most of which decoding 4K on many cores takes, but at most half of the board's. */
export const MEMORY_BYTES_MAX = Math.min(2 * GIB, Math.floor(totalmem() / 2));

/** Open files of one ffmpeg: input, pipes, and the files that its libraries open at start. */
export const OPEN_FILES_MAX = 64;

/** When memory runs out, the kernel kills ffmpeg, which is restarted, before the device's own process (proc_pid_oom_score_adj(5)). */
const OOM_SCORE = 800;

/** Permissions of one ffmpeg beyond its pipes. */
export interface Freedom {
  /** Whether it may write files. */
  readonly files?: boolean;
}

/**
 * Returns the command that runs a program under limits of the kernel (setrlimit(2)), whatever a hostile file makes it do: no core file,
 * which would hold footage in the clear, no writing to files, few open files, bounded memory, first to be killed when memory runs out. A
 * shell sets them and then execs the program, because Node cannot. A limit that the platform lacks, or already sets lower, is left as it
 * is.
 */
export function limited(
  path: string,
  args: readonly string[],
  freedom: Freedom = {},
): { path: string; args: readonly string[] } {
  const first =
    process.platform === 'linux' ? `{ echo ${OOM_SCORE} >/proc/self/oom_score_adj; } 2>/dev/null || :; ` : '';
  const limits = [
    '-c 0',
    ...(freedom.files ? [] : ['-f 0']),
    `-n ${OPEN_FILES_MAX}`,
    `-d ${Math.floor(MEMORY_BYTES_MAX / 1024)}`,
  ].map((limit) => `ulimit ${limit} 2>/dev/null || :; `);
  return { path: '/bin/sh', args: ['-c', `${first}${limits.join('')}exec "$0" "$@"`, path, ...args] };
}

/** Whether an exit status means that the shell could not start the program (POSIX Shell §2.8.2). */
export function didNotStart(status: number | null): boolean {
  return status === 126 || status === 127;
}
