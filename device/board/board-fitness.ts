// Whether a board and its system can run a doorbell as a service, and why not.
import { existsSync } from 'node:fs';
import { machine, totalmem } from 'node:os';
import { type Failure, failure } from '../terminal/errors.ts';

export interface BoardFacts {
  /** User id of this process. */
  user: number;
  /** Whether systemd is process 1 (sd_booted(3)). */
  hasSystemd: boolean;
  /** The processor that node was built for, as in `process.arch`. */
  program: string;
  /** The kernel's name of the processor, as in `uname -m`. */
  processor: string;
  memoryBytes: number;
  hasWatchdog: boolean;
}

export function thisBoard(): BoardFacts {
  return {
    user: process.getuid?.() ?? -1,
    hasSystemd: existsSync('/run/systemd/system'),
    program: process.arch,
    processor: machine(),
    memoryBytes: totalmem(),
    hasWatchdog: existsSync('/dev/watchdog0') || existsSync('/dev/watchdog'),
  };
}

const PROGRAMS = ['arm64', 'x64'];
/** A board of 512 MB, of which firmware and kernel reserve up to a fifth. */
const MEMORY = { boardMB: 512, leastBytes: 400 * 1_048_576 };

/** Why no doorbell can be installed on this board; null when one can. Reasons that no command can mend come first. */
export function whyUnfit(board: BoardFacts, spec: { hardwareWatchdog: boolean }): Failure | null {
  if (/^armv[1-6]/.test(board.processor)) return failure('board_processor_too_old', { processor: board.processor });
  if (!PROGRAMS.includes(board.program))
    return failure('board_system_not_64_bit', { program: board.program, processor: board.processor });
  if (board.memoryBytes < MEMORY.leastBytes) {
    const mb = Math.floor(board.memoryBytes / 1_048_576);
    return failure('board_memory_too_small', { mb, leastMB: MEMORY.boardMB });
  }
  if (!board.hasSystemd) return failure('board_without_systemd');
  if (spec.hardwareWatchdog && !board.hasWatchdog) return failure('board_without_watchdog');
  if (board.user !== 0) return failure('board_user_not_root');
  return null;
}
