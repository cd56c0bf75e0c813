// A button that a program of the operating system watches (gpio.ts, evdev-button.ts); the program is restarted when it ends.

import { Backoff } from '@doorsill/base/backoff';
import type { Random } from '@doorsill/base/random';
import type { ProgramEnd, Programs } from '@doorsill/base/system-programs';
import { type Failure, failure } from '@doorsill/contract/errors';
import { z } from 'zod';
import { type Button, type ButtonOptions, Debouncer, type Press } from './button.ts';
import { Contact } from './switch-contact.ts';

/** Settings of every wired button. */
export const holdShape = {
  /** Whether holding it for ten seconds is a factory reset, which anyone who can reach the button can do. */
  holdToReset: z.boolean().default(false),
};

/** A contact's level. */
export interface Level {
  isClosed: boolean;
  /** When it changed, by the kernel's clock; null if unknown. */
  atMs: number | null;
}

/** One kind of watched button. */
export interface ButtonDriver {
  source: Press['source'];
  /** How long a contact must stay closed to be a press, in milliseconds. */
  steadyMs: number;
  /** The program to run, with its arguments. Throws a coded failure if it cannot be determined. */
  command(programs: Programs): Promise<readonly string[]>;
  /** Makes a parser of one run's output into levels of the contact. */
  reader(): (chunk: Uint8Array) => Level[];
  /** Why a run ended. */
  explain(end: ProgramEnd): Failure;
}

export interface WatchedButtonOptions extends ButtonOptions {
  driver: ButtonDriver;
  programs: Programs;
  random: Random;
  /** Called when it was held for ten seconds. */
  held?(): void;
  /** Called with a fault of the button, and with null once it is gone. */
  trouble(failure: Failure | null): void;
}

const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 30_000;
/** A program that has run this long has opened its line or device. */
const WELL_MS = 1_000;

/** A wired button. Its program is restarted, with growing pauses, while the doorbell runs. */
export class WatchedButton implements Button {
  private readonly options: WatchedButtonOptions;
  private readonly debouncer: Debouncer;
  private readonly backoff: Backoff;
  private stopping: AbortController | null = null;
  private isTroubled = false;

  constructor(options: WatchedButtonOptions) {
    this.options = options;
    this.debouncer = new Debouncer(options);
    this.backoff = new Backoff(options.random, RETRY_FIRST_MS, RETRY_MOST_MS);
  }

  start(): void {
    if (this.stopping) return;
    this.stopping = new AbortController();
    void this.watch(this.stopping.signal);
  }

  stop(): void {
    this.stopping?.abort();
    this.stopping = null;
  }

  private async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.once(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        this.trouble(thrown as Failure);
      }
      // `stop` ends the pause, and the loop ends.
      await this.options.clock.sleep(this.backoff.nextMs(), signal).catch(() => undefined);
    }
  }

  /** One run of the program. Always throws, because the program ends only on a fault. */
  private async once(signal: AbortSignal): Promise<never> {
    const { driver, programs, clock, button, held } = this.options;
    const command = await driver.command(programs);
    signal.throwIfAborted();
    const contact = new Contact({
      clock,
      steadyMs: driver.steadyMs,
      pressed: () => this.debouncer.signal(driver.source),
      ...(held ? { held } : {}),
      stuck: (isStuck) => this.trouble(isStuck ? failure('button_stuck', { button }) : null),
    });
    const levels = driver.reader();
    const run = programs.run(command, (chunk) => {
      if (signal.aborted) return;
      for (const { isClosed, atMs } of levels(chunk)) contact.level(isClosed, atMs);
    });
    const well = clock.after(WELL_MS, () => {
      this.backoff.reset();
      this.trouble(null);
    });
    const stop = () => {
      // At once: a level read before must not become a press after the end.
      contact.reset();
      run.stop();
    };
    signal.addEventListener('abort', stop, { once: true });
    const end = await run.ended;
    signal.removeEventListener('abort', stop);
    well.cancel();
    contact.reset();
    signal.throwIfAborted();
    throw driver.explain(end);
  }

  private trouble(why: Failure | null): void {
    if (why === null && !this.isTroubled) return;
    this.isTroubled = why !== null;
    this.options.trouble(why);
  }
}
