// Owns: a device's own clock: it runs with the time around it, a simulated world's or the machine's, and may be set wrong, drift, or not be
// known to be right. Not here: a world's time (virtual-clock.ts), when it goes wrong (sim/scenario, device-faults.ts).
import { type Clock, sleepOn, type Timer } from '@doorsill/base/clock';

const PPM = 1_000_000;

/** The time around a device's clock: a world's, or the machine's. */
interface PassingTime extends Pick<Clock, 'wallUs' | 'monotonicMs' | 'after'> {
  /** Whole microseconds since it began. */
  readonly passedUs: number;
}

/** The machine's time, which begins when this is made. */
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
  /** How far it is ahead of the world's time, as of `sinceUs` of the world. */
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

  /** What it shows when the world's time is `passedUs`, as it is set now. */
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

  /** From now on it gains so many microseconds a second; negative: it loses. */
  drift(ppm: number): void {
    this.restart(ppm);
  }

  /** Whether it is known to be right: a board without a battery starts without knowing. */
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

/** The clock as one boot of a device sees it. */
export class BootClock implements Clock {
  private readonly clock: Clock;
  private hasEnded = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get isOver(): boolean {
    return this.hasEnded;
  }

  /** The boot is over: nothing that it waited for is called any more. */
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
