// A shutter before the camera, moved by a command or a GPIO line. Privacy stops the camera first (recorder.ts); the shutter is a second
// safeguard.

import type { RunningProgram } from '@doorsill/base/system-programs';
import { failure } from '@doorsill/contract/errors';
import { z } from 'zod';
import { commandSchema } from './chime.ts';
import { gpioLineSchema, HeldLine, type HeldLineDeps } from './gpio.ts';

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
   * Closes or opens it, and resolves once it has moved; the last call counts. Rejects with `hardware_tool_missing`, `gpio_line_taken` or
   * `hardware_unavailable`; then its position is unknown.
   */
  set(closed: boolean): Promise<void>;
  /** Releases it in its current position. */
  stop(): void;
}

/** A shutter without hardware. */
export class VirtualShutter implements Shutter {
  isClosed = false;

  async set(closed: boolean): Promise<void> {
    this.isClosed = closed;
  }

  stop(): void {
    // Nothing is held.
  }
}

export function makeShutter(settings: ShutterSettings | undefined, deps: HeldLineDeps): Shutter {
  if (!settings) return new VirtualShutter();
  return settings.kind === 'command' ? new CommandShutter(settings, deps) : new GpioShutter(settings, deps);
}

/** Runs one command to close and another to open. */
class CommandShutter implements Shutter {
  private readonly settings: Extract<ShutterSettings, { kind: 'command' }>;
  private readonly deps: HeldLineDeps;
  private moving: RunningProgram | null = null;

  constructor(settings: Extract<ShutterSettings, { kind: 'command' }>, deps: HeldLineDeps) {
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
    const detail = end.missing ? 'its command was not found' : end.words || 'its command was ended or took too long';
    throw failure('hardware_unavailable', { what: 'shutter', detail });
  }

  stop(): void {
    this.moving?.stop();
    this.moving = null;
  }
}

/** Holds a line active while the shutter must stay closed. */
class GpioShutter implements Shutter {
  private readonly line: HeldLine;

  constructor(settings: Extract<ShutterSettings, { kind: 'gpio' }>, deps: HeldLineDeps) {
    this.line = new HeldLine('shutter', settings, deps);
  }

  set(closed: boolean): Promise<void> {
    return this.line.set(closed);
  }

  stop(): void {
    this.line.release();
  }
}
