import type { Clock, Timer } from '@doorsill/base/clock';
import {
  checkEventWindows,
  EVENT_WINDOW_DEFAULTS,
  type EventWindow,
  type EventWindowInput,
  type EventWindowSettings,
  eventWindowDueUs,
  NO_EVENT_WINDOW,
  nextEventWindow,
} from './event-window-machine.ts';

/** Runs the event-window machine on a clock. */
export class EventWindows {
  private readonly clock: Clock;
  private readonly settings: EventWindowSettings;
  private readonly finished: (event: EventWindow) => void;
  private state = NO_EVENT_WINDOW;
  private timer: Timer | null = null;
  private running = false;

  /** `finished` is called with each window once its post-roll has passed. */
  constructor(clock: Clock, finished: (event: EventWindow) => void, settings: Partial<EventWindowSettings> = {}) {
    this.clock = clock;
    this.finished = finished;
    this.settings = { ...EVENT_WINDOW_DEFAULTS, ...settings };
  }

  start(): void {
    checkEventWindows(this.settings);
    this.running = true;
  }

  /** Takes a press or motion; ignored while stopped. `atUs` is wall time. */
  happened(type: Exclude<EventWindowInput['type'], 'time'>, atUs: number): void {
    if (this.running) this.step({ type, atUs });
  }

  /** Drops a window that is still open; its footage is in the ring. */
  stop(): void {
    this.running = false;
    this.timer?.cancel();
    this.timer = null;
    this.state = NO_EVENT_WINDOW;
  }

  private step(input: EventWindowInput): void {
    const { state, finished } = nextEventWindow(this.settings, this.state, input);
    this.state = state;
    this.arm();
    for (const event of finished) this.finished(event);
  }

  private arm(): void {
    this.timer?.cancel();
    const dueUs = eventWindowDueUs(this.settings, this.state);
    const delayMs = dueUs === null ? null : Math.max(1, Math.ceil((dueUs - this.clock.wallUs()) / 1000));
    this.timer =
      delayMs === null ? null : this.clock.after(delayMs, () => this.step({ type: 'time', atUs: this.clock.wallUs() }));
  }
}
