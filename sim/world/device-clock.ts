// A device's own clock. It runs with a simulated world's time or the machine's, and may be set wrong, drift, or not be known to be right.
import { type Clock, sleepOn, type Timer } from '@doorsill/base/clock';

const PPM = 1_000_000;

/** The time by which a device's clock runs: a world's, or the machine's. */
interface PassingTime extends Pick<Clock, 'wallUs' | 'monotonicMs' | 'after'> {
  /** Whole microseconds since it began. */
  readonly passedUs: number;
}

/** The machine's time, with `passedUs` counted from the construction. */
export class MachineTime implements PassingTime {
  private readonly clock: Clock;
  private readonly startedMs: number;

  constructor(clock: Clock) {
    this.clock = clock;
    this.startedMs = clock.monotonicMs();
  }

  get passedUs(): number {
    return Math.round((this.clock.monotonicMs() - this.startedMs) * 1_000);
  }

  wallUs(): number {
    return this.clock.wallUs();
  }

  monotonicMs(): number {
    return this.clock.monotonicMs();
  }

  after(delayMs: number, call: () => void): Timer {
    return this.clock.after(delayMs, call);
  }
}

/** A clock that can be set. */
export class DeviceClock implements Clock {
  private readonly world: PassingTime;
  /** Its lead over the world's time at `sinceUs` of the world. */
  private aheadUs = 0;
  private sinceUs = 0;
  private driftPpm = 0;
  private isTrusted = true;

  constructor(world: PassingTime) {
    this.world = world;
  }

  wallUs(): number {
    return this.world.wallUs() + this.aheadAt(this.world.passedUs);
  }

  /** Its wall time when the world's time is `passedUs`, with its present setting and drift. */
  wallAt(passedUs: number): number {
    return this.world.wallUs() - this.world.passedUs + passedUs + this.aheadAt(passedUs);
  }

  private aheadAt(passedUs: number): number {
    return this.aheadUs + Math.round(((passedUs - this.sinceUs) * this.driftPpm) / PPM);
  }

  monotonicMs(): number {
    return this.world.monotonicMs();
  }

  synchronised(): boolean {
    return this.isTrusted;
  }

  after(delayMs: number, call: () => void): Timer {
    return this.world.after(delayMs, call);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Sets it, as NTP or a person would; a leap second is a step of minus one. */
  stepBy(us: number): void {
    this.restart(0);
    this.aheadUs += us;
  }

  /** Sets it to a wall time. */
  set(wallUs: number): void {
    this.stepBy(wallUs - this.wallUs());
  }

  /** From now on it gains `ppm` microseconds a second; negative: it loses. */
  drift(ppm: number): void {
    this.restart(ppm);
  }

  /** Sets whether it is known to be right, which a board without a battery does not know at its start. */
  trust(isTrusted: boolean): void {
    this.isTrusted = isTrusted;
  }

  private restart(ppm: number): void {
    const { passedUs } = this.world;
    this.aheadUs = this.aheadAt(passedUs);
    this.sinceUs = passedUs;
    this.driftPpm = ppm;
  }
}

/** The clock of one boot of a device. */
export class BootClock implements Clock {
  private readonly clock: Clock;
  private hasEnded = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get isOver(): boolean {
    return this.hasEnded;
  }

  /** Ends the boot: none of its timers fires any more. */
  end(): void {
    this.hasEnded = true;
  }

  wallUs(): number {
    return this.clock.wallUs();
  }

  monotonicMs(): number {
    return this.clock.monotonicMs();
  }

  synchronised(): boolean {
    return this.clock.synchronised();
  }

  after(delayMs: number, call: () => void): Timer {
    if (this.hasEnded) return { cancel: () => undefined };
    return this.clock.after(delayMs, () => {
      if (!this.hasEnded) call();
    });
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }
}
