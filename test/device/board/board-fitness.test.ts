// Unfit boards are refused, each with its own code.
import { expect, it } from 'vitest';
import { type BoardFacts, thisBoard, whyUnfit } from '../../../device/board/board-fitness.ts';

const MB = 1_048_576;
const pi4: BoardFacts = {
  user: 0,
  hasSystemd: true,
  program: 'arm64',
  processor: 'aarch64',
  memoryBytes: 906 * MB,
  hasWatchdog: true,
};
const plain = { hardwareWatchdog: false };
const codeOf = (changes: Partial<BoardFacts>, spec = plain) => whyUnfit({ ...pi4, ...changes }, spec)?.code ?? null;

it('accepts a 64-bit Pi, and a Pi Zero 2 W with the rest of its 512 MB that its firmware leaves', () => {
  expect(codeOf({})).toBe(null);
  expect(codeOf({ memoryBytes: 419 * MB })).toBe(null);
  expect(codeOf({ program: 'x64', processor: 'x86_64', hasWatchdog: false })).toBe(null);
  expect(codeOf({}, { hardwareWatchdog: true })).toBe(null);
});

it.each([
  ['a Pi Zero, whose processor is an ARMv6', { program: 'arm', processor: 'armv6l' }, 'board_processor_too_old'],
  ['a 32-bit system', { program: 'arm', processor: 'armv7l' }, 'board_system_not_64_bit'],
  ['a 32-bit node under a 64-bit kernel', { program: 'arm', processor: 'aarch64' }, 'board_system_not_64_bit'],
  ['less than 512 MB', { memoryBytes: 220 * MB }, 'board_memory_too_small'],
  ['a system without systemd', { hasSystemd: false }, 'board_without_systemd'],
  ['a user who is not root', { user: 1_000 }, 'board_user_not_root'],
] as const)('refuses %s', (_what, changes, code) => {
  expect(codeOf(changes)).toBe(code);
});

it('refuses a wanted hardware watchdog that is missing', () => {
  expect(codeOf({ hasWatchdog: false }, { hardwareWatchdog: true })).toBe('board_without_watchdog');
});

it('names first the reason that no command can mend', () => {
  expect(codeOf({ user: 1_000, hasSystemd: false, program: 'arm', processor: 'armv6l' })).toBe(
    'board_processor_too_old',
  );
});

it('examines this machine', () => {
  expect(thisBoard()).toMatchObject({ user: process.getuid?.(), program: process.arch });
  expect(thisBoard().memoryBytes).toBeGreaterThan(100 * MB);
});
