// Owns: the limits that the kernel enforces on an ffmpeg (setrlimit(2)), whatever a hostile file makes it do.
// Not here: the limits that ffmpeg keeps itself: allocations, pixels, streams, processor time (ffmpeg-run.ts, ffmpeg-capture-command.ts).
import { totalmem } from 'node:os';

const GIB = 1024 ** 3;

/** Memory that one ffmpeg may hold. Decoding 4K on many cores takes most of it; a small board gives half of what it has. */
export const MEMORY_BYTES_MAX = Math.min(2 * GIB, Math.floor(totalmem() / 2));

/** Its input, its pipes, and what its libraries open while they start. */
export const OPEN_FILES_MAX = 64;

/** Of too little memory the kernel ends an ffmpeg, which is started anew, before the process that holds the ring and decides (proc_pid_oom_score_adj(5)). */
const OOM_SCORE = 800;

/** What one ffmpeg may do beyond writing into its pipes. */
export interface Freedom {
  /** It may write files. */
  readonly files?: boolean;
}

/**
 * How to start a program under the limits, as the process that is started. They are set by a shell that then becomes the
 * program, since Node has no way to: no core file, which would hold footage in the clear; not a byte into any file; few open
 * files; private memory; the first to be ended where memory is short. What a platform cannot limit, or limits to less already, is left as it is;
 * Windows has none of it.
 */
export function limited(
  path: string,
  args: readonly string[],
  freedom: Freedom = {},
): { path: string; args: readonly string[] } {
  if (process.platform === 'win32') return { path, args };
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

/** Whether an exit status is the shell's way to say that it could not start the program (POSIX Shell §2.8.2). */
export function didNotStart(status: number | null): boolean {
  return status === 126 || status === 127;
}
