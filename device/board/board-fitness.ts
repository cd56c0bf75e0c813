// Owns: whether a board and its system will do for a doorbell as a service, and why not. Not here: what is written (board-files.ts),
// what is wrong with a board that runs one (device/doctor).

import { existsSync } from 'node:fs';
import { machine, totalmem } from 'node:os';
import { type Failure, failure } from '../terminal/errors.ts';

export interface BoardFacts {
  /** User id of this process. */
  user: number;
  /** Whether systemd is process 1 (sd_booted(3)). */
  hasSystemd: boolean;
  /** What node was built for, as `process.arch` says it. */
  program: string;
  /** What the kernel calls the processor, as `uname -m` does. */
  processor: string;
  memoryBytes: number;
  /** Whether there is a hardware watchdog. */
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
/** A board of 512 MB: firmware and kernel keep up to a fifth of it for themselves. */
const MEMORY = { boardMB: 512, leastBytes: 400 * 1_048_576 };

/** Why no doorbell can be installed on this board; null when it will do. The reason that no command can mend comes first. */
export function whyUnfit(board: BoardFacts, wish: { hardwareWatchdog: boolean }): Failure | null {
  if (/^armv[1-6]/.test(board.processor)) return failure('board_processor_too_old', { processor: board.processor });
  if (!PROGRAMS.includes(board.program))
    return failure('board_system_not_64_bit', { program: board.program, processor: board.processor });
  if (board.memoryBytes < MEMORY.leastBytes) {
    const mb = Math.floor(board.memoryBytes / 1_048_576);
    return failure('board_memory_too_small', { mb, leastMB: MEMORY.boardMB });
  }
  if (!board.hasSystemd) return failure('board_without_systemd');
  if (wish.hardwareWatchdog && !board.hasWatchdog) return failure('board_without_watchdog');
  if (board.user !== 0) return failure('board_user_not_root');
  return null;
}
