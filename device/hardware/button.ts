// Interface of a button, its debouncing, and the virtual button.
import type { Clock } from '@doorsill/base/clock';
import type { DeviceEvent } from '@doorsill/contract/home-messages';

type RingEvent = Extract<DeviceEvent, { type: 'ring' }>;

/** One press; `atUs` is wall time. */
export interface Press {
  button: RingEvent['button'];
  source: RingEvent['source'];
  atUs: number;
}

/** Whether a source requires somebody at the device itself. */
const PROVES_PRESENCE: Readonly<Record<Press['source'], boolean>> = {
  gpio: true,
  evdev: true,
  // Somebody at the terminal could restart the program anyway.
  keyboard: true,
  scene: false,
  local: false,
  command: false,
  'home-assistant': false,
  console: false,
};

/** Whether a press proves that somebody is at the device, which unlocking pairing requires. */
export function provesPresence(source: Press['source']): boolean {
  return PROVES_PRESENCE[source];
}

/** A button, real or virtual. */
export interface Button {
  start(): void;
  /** Stops listening, and restores the state before `start`. */
  stop(): void;
}

/** A button's name, and the receiver of its presses. */
export interface ButtonOptions {
  clock: Clock;
  /** The button's name in events, e.g. `front`. */
  button: string;
  pressed(press: Press): void;
}

/** Contacts bounce and keys repeat: a press counts after this much silence. */
const SILENCE_MS = 1_000;
/** Continuous pressing is reported again after this time. */
const UNHEARD_MS_MAX = 5_000;

/** Monotonic times of a button's last signal and last counted press. */
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

/** Turns signals into presses, for every kind of button. */
export class Debouncer {
  private readonly options: ButtonOptions;
  private state = INITIAL_DEBOUNCE;

  constructor(options: ButtonOptions) {
    this.options = options;
  }

  /** Reports a press unless the signal repeats the last one; returns whether it did. */
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

  /** Presses it; returns whether that counted: not while stopped, nor as a repetition. */
  press(source: Press['source']): boolean {
    return this.listening && this.debouncer.signal(source);
  }
}
