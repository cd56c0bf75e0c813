// The key on the terminal: the contract of every button, and restoring the terminal.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import type { Press } from '../../../device/hardware/button.ts';
import { KeyboardButton } from '../../../device/hardware/keyboard-button.ts';
import { compileProgram } from '../../support/child-program.ts';
import { buttonContract, NOON_US } from './button-contract.ts';

/** A terminal without a line discipline, which remembers its mode. */
class Terminal extends PassThrough {
  readonly isTTY = true;
  isRaw = false;

  setRawMode(raw: boolean): this {
    this.isRaw = raw;
    return this;
  }

  /** Delivers a key at once to the listeners, like the operating system. */
  type(keys: string): void {
    this.emit('data', Buffer.from(keys));
  }
}

buttonContract('keyboard', (options) => {
  const input = new Terminal();
  const button = new KeyboardButton({ ...options, input, interrupted: () => undefined });
  return { button, push: () => input.type('b'), source: 'keyboard' };
});

describe('a keyboard button', () => {
  let input: Terminal;
  let presses: Press[];
  let interruptions: number;
  let clock: ManualClock;
  let button: KeyboardButton;

  beforeEach(() => {
    input = new Terminal();
    presses = [];
    interruptions = 0;
    clock = new ManualClock(NOON_US);
    button = new KeyboardButton({
      clock,
      button: 'front',
      input,
      pressed: (press) => presses.push(press),
      interrupted: () => {
        interruptions += 1;
      },
    });
  });

  afterEach(() => button.stop());

  it('reports a digit from 1 to 9 to `numbered`, once while it is held down, and rings for none', async () => {
    const digits: number[] = [];
    button = new KeyboardButton({
      ...{ clock, button: 'front', input, interrupted: () => undefined },
      pressed: (press) => presses.push(press),
      numbered: (digit) => digits.push(digit),
    });
    button.start();
    for (const keys of ['2', '2', '3', '0', '12', 'x', '\u001b[2~', '9']) input.type(keys);
    expect([digits, presses]).toEqual([[2, 3, 9], []]);
    await clock.advance(2_000);
    input.type('2');
    expect(digits).toEqual([2, 3, 9, 2]);
  });

  it('ignores digits without `numbered`', () => {
    button.start();
    input.type('2');
    expect(presses).toEqual([]);
  });

  it.each(['b', 'B', ' ', 'bbb'])('rings on %j', (keys) => {
    button.start();
    input.type(keys);
    expect(presses).toHaveLength(1);
  });

  it.each(['x', '\u001b[A', '\r', 'hub', '\u0004'])('does not ring on %j', (keys) => {
    button.start();
    input.type(keys);
    expect(presses).toEqual([]);
    expect(interruptions).toBe(0);
  });

  it('passes Ctrl-C on', () => {
    button.start();
    input.type('\u0003');
    expect(interruptions).toBe(1);
    expect(presses).toEqual([]);
  });

  it.each([true, false])('restores the terminal’s mode (raw: %s)', (wasRaw) => {
    input.isRaw = wasRaw;
    button.start();
    expect(input.isRaw).toBe(true);
    expect(input.isPaused()).toBe(false);
    button.stop();
    expect(input.isRaw).toBe(wasRaw);
    expect(input.isPaused()).toBe(true);
    expect(input.listenerCount('data')).toBe(0);
  });

  it('leaves an input alone that is not a terminal', () => {
    const piped = new PassThrough();
    const other = new KeyboardButton({
      clock,
      button: 'front',
      input: piped,
      pressed: (press) => presses.push(press),
      interrupted: () => undefined,
    });
    other.start();
    expect(piped.listenerCount('data')).toBe(0);
    piped.write('b');
    expect(piped.readableLength).toBe(1);
    other.stop();
    expect(presses).toEqual([]);
  });
});

/** `script` (util-linux) runs a program on a real terminal. */
const hasTerminal = spawnSync('script', ['--version']).status === 0;

describe('on a real terminal', { tags: ['terminal'] }, () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'doorsill-keyboard-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it.skipIf(!hasTerminal)('rings on a key, and Ctrl-C ends the process and restores its terminal', async () => {
    const program = await compileProgram('test/device/hardware/ring-on-key.ts', folder);
    const command = `stty -g; "${process.execPath}" "${program}"; stty -g`;
    const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    for await (const chunk of child.stdout) {
      const before = output;
      output += String(chunk);
      if (output.includes('ready') && !before.includes('ready')) child.stdin.write('b');
      if (output.includes('pressed') && !before.includes('pressed')) child.stdin.write('\u0003');
    }
    const lines = output.split('\r\n').filter((line) => line !== '');
    expect(lines.slice(1, -1)).toEqual(['ready', 'pressed front keyboard', 'interrupted']);
    expect(lines.at(-1)).toBe(lines[0]);
  });
});
