// A key on the terminal as a button.
import type { Readable } from 'node:stream';
import { type Button, type ButtonOptions, Debouncer } from './button.ts';

/** Standard input; `setRawMode` exists if it is a terminal. */
interface TerminalInput extends Readable {
  readonly isTTY?: boolean;
  readonly isRaw?: boolean;
  setRawMode?(raw: boolean): unknown;
}

interface KeyboardButtonOptions extends ButtonOptions {
  input: TerminalInput;
  /** Called for a digit from 1 to 9; absent: digits do nothing. */
  numbered?(digit: number): void;
  /** Called for Ctrl-C, which is no signal in raw mode: the caller must stop the process. */
  interrupted(): void;
}

const RINGS = new Set(['b', 'B', ' ']);
const DIGIT = /^[1-9]$/;
const CTRL_C = '\u0003';

/** Rings on `b` or the space bar. Does nothing if the input is not a terminal. */
export class KeyboardButton implements Button {
  private readonly options: KeyboardButtonOptions;
  private readonly debouncer: Debouncer;
  private readonly digits = new Map<string, Debouncer>();
  private wasRaw: boolean | null = null;

  constructor(options: KeyboardButtonOptions) {
    this.options = options;
    this.debouncer = new Debouncer(options);
  }

  start(): void {
    const { input } = this.options;
    if (this.wasRaw !== null || input.isTTY !== true || !input.setRawMode) return;
    this.wasRaw = input.isRaw === true;
    input.setRawMode(true);
    input.on('data', this.typed);
    input.resume();
  }

  stop(): void {
    const { input } = this.options;
    if (this.wasRaw === null) return;
    input.off('data', this.typed);
    input.pause();
    input.setRawMode?.(this.wasRaw);
    this.wasRaw = null;
  }

  private readonly typed = (chunk: Uint8Array | string): void => {
    const keys = typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
    // Input of several bytes (arrow keys, pasted text) is ignored.
    if (keys.includes(CTRL_C)) this.options.interrupted();
    else if ([...keys].every((key) => RINGS.has(key))) this.debouncer.signal('keyboard');
    else if (DIGIT.test(keys)) this.digit(keys);
  };

  /** A held key repeats, so each digit is debounced like a button of its own. */
  private digit(key: string): void {
    const { numbered } = this.options;
    if (!numbered) return;
    const known = this.digits.get(key);
    const debouncer = known ?? new Debouncer({ ...this.options, pressed: () => numbered(Number(key)) });
    this.digits.set(key, debouncer);
    debouncer.signal('keyboard');
  }
}
