// Owns: a lid before the camera, which privacy closes: a command's, a GPIO line's, and a virtual twin.
// Not here: stopping the camera, which privacy does first and by itself (recorder.ts): a shutter is the second lock.
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import type { Programs, RunningProgram } from '../base/system-programs.ts';
import { type Failure, failure } from '../protocol/errors.ts';
import { commandSchema } from './chime.ts';
import { gpioFailure, gpioHold, gpioLineSchema } from './gpio.ts';

export const shutterSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('command'),
    close: commandSchema,
    open: commandSchema,
    timeoutS: z.int().min(1).max(60).default(10),
  }),
  /** The line is active while the shutter is closed. */
  gpioLineSchema,
]);
type ShutterSettings = z.infer<typeof shutterSchema>;

/** A shutter, real or virtual. */
export interface Shutter {
  /**
   * Closes or opens it, and resolves once it is so; the last order counts. Rejects with `hardware_tool_missing`, `gpio_line_taken` or
   * `hardware_unavailable`, and then where it stands is not known.
   */
  set(closed: boolean): Promise<void>;
  /** Releases it in its current position. */
  stop(): void;
}

/** A shutter that only remembers. */
export class VirtualShutter implements Shutter {
  isClosed = false;

  async set(closed: boolean): Promise<void> {
    this.isClosed = closed;
  }

  stop(): void {
    // Nothing is held.
  }
}

export interface ShutterDeps {
  clock: Clock;
  programs: Programs;
  /** A shutter's line was released without our asking. */
  lost(failure: Failure): void;
}

export function makeShutter(settings: ShutterSettings | undefined, deps: ShutterDeps): Shutter {
  if (!settings) return new VirtualShutter();
  return settings.kind === 'command' ? new CommandShutter(settings, deps) : new GpioShutter(settings, deps);
}

/** Runs a command for each way. */
class CommandShutter implements Shutter {
  private readonly settings: Extract<ShutterSettings, { kind: 'command' }>;
  private readonly deps: ShutterDeps;
  private moving: RunningProgram | null = null;

  constructor(settings: Extract<ShutterSettings, { kind: 'command' }>, deps: ShutterDeps) {
    this.settings = settings;
    this.deps = deps;
  }

  async set(closed: boolean): Promise<void> {
    const { close, open, timeoutS } = this.settings;
    const { clock, programs } = this.deps;
    this.stop();
    const run = programs.run(closed ? close : open);
    this.moving = run;
    const timer = clock.after(timeoutS * 1_000, () => run.stop());
    const end = await run.ended;
    timer.cancel();
    if (this.moving === run) this.moving = null;
    if (end.status === 0) return;
    const detail = end.missing ? 'its command is not there' : end.words || 'its command was ended or took too long';
    throw failure('hardware_unavailable', { what: 'shutter', detail });
  }

  stop(): void {
    this.moving?.stop();
    this.moving = null;
  }
}

/** A tool that cannot have the line says so at once; one that still runs after this holds it. */
const HELD_MS = 300;

/** Holds a line for as long as the shutter must stay there: a kernel forgets a line that nobody holds. */
class GpioShutter implements Shutter {
  private readonly settings: Extract<ShutterSettings, { kind: 'gpio' }>;
  private readonly deps: ShutterDeps;
  private holding: RunningProgram | null = null;

  constructor(settings: Extract<ShutterSettings, { kind: 'gpio' }>, deps: ShutterDeps) {
    this.settings = settings;
    this.deps = deps;
  }

  async set(closed: boolean): Promise<void> {
    const { clock, programs, lost } = this.deps;
    const command = await gpioHold(programs, this.settings, closed);
    const before = this.holding;
    this.stop();
    // A line has one holder at a time.
    await before?.ended;
    const run = programs.run(command);
    this.holding = run;
    const fault = run.ended.then((end) =>
      this.holding === run ? gpioFailure('shutter', 'gpioset', this.settings, end) : null,
    );
    const early = await Promise.race([fault, clock.sleep(HELD_MS)]);
    if (early) {
      this.holding = null;
      throw early;
    }
    void fault.then((why) => why && lost(why));
  }

  stop(): void {
    this.holding?.stop();
    this.holding = null;
  }
}
