// Owns: what a button is to the firmware, its debouncing, and its virtual twin.
// Not here: the key on the terminal (keyboard-button.ts), what a press causes (doorbell.ts).
import type { Clock } from '@doorsill/base/clock';
import type { DeviceEvent } from '@doorsill/contract/home-messages';

type RingEvent = Extract<DeviceEvent, { type: 'ring' }>;

/** One press: which button, what pressed it, and when by the wall clock. */
export interface Press {
  button: RingEvent['button'];
  source: RingEvent['source'];
  atUs: number;
}

/** Which sources take somebody who is at the device itself. */
const PRESSED_THERE: Readonly<Record<Press['source'], boolean>> = {
  gpio: true,
  evdev: true,
  // Whoever types at the terminal could also restart the program.
  keyboard: true,
  scene: false,
  local: false,
  command: false,
  'home-assistant': false,
  console: false,
};

/** Whether a press shows that somebody is at the device, as unlocking it takes; no message and no program shows that. */
export function isPressedThere(source: Press['source']): boolean {
  return PRESSED_THERE[source];
}

/** A button at the door, real or virtual. Presses are reported at once, before anything else is done with them. */
export interface Button {
  /** Begins to listen. */
  start(): void;
  /** Stops listening, and leaves everything as `start` found it. */
  stop(): void;
}

/** One button: its name, and who hears of its presses. */
export interface ButtonOptions {
  clock: Clock;
  /** The button's name in events, e.g. `front`. */
  button: string;
  pressed(press: Press): void;
}

/** Contacts bounce and keys repeat: a press counts after this much silence. */
const SILENCE_MS = 1_000;
/** Someone who keeps pressing is reported again after this long all the same. */
const UNHEARD_MS_MAX = 5_000;

/** When a button last gave a signal, and when one last counted; monotonic milliseconds. */
interface DebounceState {
  signalMs: number;
  countedMs: number;
}

const INITIAL_DEBOUNCE: DebounceState = {
  signalMs: Number.NEGATIVE_INFINITY,
  countedMs: Number.NEGATIVE_INFINITY,
};

/** Whether a signal at `nowMs` counts as a press. */
function nextDebounce(state: DebounceState, nowMs: number): { state: DebounceState; counts: boolean } {
  const counts = nowMs - state.signalMs >= SILENCE_MS || nowMs - state.countedMs >= UNHEARD_MS_MAX;
  return { state: { signalMs: nowMs, countedMs: counts ? nowMs : state.countedMs }, counts };
}

/** Turns signals into presses. The part that every kind of button shares. */
export class Debouncer {
  private readonly options: ButtonOptions;
  private state = INITIAL_DEBOUNCE;

  constructor(options: ButtonOptions) {
    this.options = options;
  }

  /** Reports a press unless this signal only repeats the last one; returns whether it did. */
  signal(source: Press['source']): boolean {
    const { clock, button, pressed } = this.options;
    const { state, counts } = nextDebounce(this.state, clock.monotonicMs());
    this.state = state;
    if (counts) pressed({ button, source, atUs: clock.wallUs() });
    return counts;
  }
}

/** A button that software presses: a signed command, the command line, a drawn visitor. */
export class VirtualButton implements Button {
  private readonly debouncer: Debouncer;
  private listening = false;

  constructor(options: ButtonOptions) {
    this.debouncer = new Debouncer(options);
  }

  start(): void {
    this.listening = true;
  }

  stop(): void {
    this.listening = false;
  }

  /** Presses it; returns whether that counted: not while it is stopped, nor as a repetition. */
  press(source: Press['source']): boolean {
    return this.listening && this.debouncer.signal(source);
  }
}
