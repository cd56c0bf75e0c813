// GPIO lines by libgpiod's tools, of Debian 12 (1.6) and 13 (2.x): a button on a line, and a line held at a level.

import type { Clock } from '@doorsill/base/clock';
import type { ProgramEnd, Programs, RunningProgram } from '@doorsill/base/system-programs';
import { type Failure, failure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import { type ButtonDriver, holdShape, type Level } from './watched-button.ts';

const lineShape = {
  /** The chip's name under /dev; `gpioinfo` lists chips and lines. */
  chip: z
    .string()
    .regex(/^gpiochip\d{1,3}$/, 'a name such as gpiochip0')
    .default('gpiochip0'),
  /** The line's number on the chip; on a Raspberry Pi the GPIO number, not the pin's. */
  line: z.int().min(0).max(1023),
};

export const gpioButtonSchema = z.strictObject({
  kind: z.literal('gpio'),
  name: idSchema,
  ...lineShape,
  pull: z.enum(['up', 'down', 'none']).default('up'),
  /** Pressing connects the line to ground, as with a bare button and a pull-up. */
  activeLow: z.boolean().default(true),
  debounceMs: z.int().min(0).max(1_000).default(30),
  ...holdShape,
});

type LineSettings = z.infer<typeof gpioLineSchema>;
export const gpioLineSchema = z.strictObject({
  kind: z.literal('gpio'),
  ...lineShape,
  activeLow: z.boolean().default(false),
});

type Tool = 'gpiomon' | 'gpioset';
const PACKAGE = 'gpiod';
/** An edge, and seconds and nanoseconds of the kernel's clock (libgpiod 2 does not pad the nanoseconds). */
const EDGE = /^(\d)(?: (\d+)\.(\d{1,9}))?$/;
const RISING = '1';
const EDGE_LETTERS_MAX = 100;

/** The tool's major version. Throws `hardware_tool_missing` or `hardware_unavailable`. */
async function majorVersion(programs: Programs, tool: Tool): Promise<number> {
  let text = '';
  const { ended } = programs.run([tool, '--version'], (chunk) => {
    text = (text + new TextDecoder().decode(chunk)).slice(0, 200);
  });
  const end = await ended;
  if (end.missing) throw failure('hardware_tool_missing', { tool, package: PACKAGE });
  const major = /\bv?(\d+)\.\d+/.exec(text)?.[1];
  if (major === undefined)
    throw failure('hardware_unavailable', { what: tool, detail: end.words || `${tool} does not print its version` });
  return Number(major);
}

/** Watches both edges of a line. The tool prints `1` for rising and, by its version, `2` or `0` for falling. */
export function gpioButton(settings: z.infer<typeof gpioButtonSchema>): ButtonDriver {
  const { chip, line, pull, activeLow, debounceMs } = settings;
  const lowFlag = activeLow ? ['--active-low'] : [];
  return {
    source: 'gpio',
    steadyMs: debounceMs,
    async command(programs) {
      const major = await majorVersion(programs, 'gpiomon');
      const bias = { up: 'pull-up', down: 'pull-down', none: major >= 2 ? 'disabled' : 'disable' }[pull];
      return major >= 2
        ? ['gpiomon', `--chip=${chip}`, '--edges=both', `--bias=${bias}`, ...lowFlag, '--format=%e %S', String(line)]
        : ['gpiomon', '--line-buffered', `--bias=${bias}`, ...lowFlag, '--format=%e %s.%n', chip, String(line)];
    },
    reader: edgeReader,
    explain: (end) => gpioFailure(`button ${settings.name}`, 'gpiomon', settings, end),
  };
}

/** One edge a line, with its time by the kernel's monotonic clock. */
function edgeReader(): (chunk: Uint8Array) => Level[] {
  const decoder = new TextDecoder();
  let rest = '';
  return (chunk) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = (lines.pop() ?? '').slice(0, EDGE_LETTERS_MAX);
    return lines.flatMap((line) => {
      const [, edge, seconds, nanoseconds] = EDGE.exec(line) ?? [];
      if (edge === undefined) return [];
      const atMs = seconds === undefined ? null : Number(seconds) * 1_000 + Number(nanoseconds) / 1_000_000;
      return [{ isClosed: edge === RISING, atMs }];
    });
  };
}

/** The command that holds a line at a level while it runs. */
async function holdCommand(programs: Programs, settings: LineSettings, active: boolean): Promise<readonly string[]> {
  const { chip, line, activeLow } = settings;
  const lowFlag = activeLow ? ['--active-low'] : [];
  const wanted = `${line}=${active ? 1 : 0}`;
  const major = await majorVersion(programs, 'gpioset');
  return major >= 2
    ? ['gpioset', `--chip=${chip}`, ...lowFlag, wanted]
    : ['gpioset', '--mode=signal', ...lowFlag, chip, wanted];
}

/** A tool that still runs after this time holds the line; if it cannot, it ends at once. */
const HELD_MS = 300;

export interface HeldLineDeps {
  clock: Clock;
  programs: Programs;
  /** The tool ended although the line was not released. */
  lost(failure: Failure): void;
}

/** Holds a line at a level: the kernel may reset a line without a holder. */
export class HeldLine {
  private readonly what: string;
  private readonly settings: LineSettings;
  private readonly deps: HeldLineDeps;
  private holding: RunningProgram | null = null;

  /** `what`: the line's use, for error messages. */
  constructor(what: string, settings: LineSettings, deps: HeldLineDeps) {
    this.what = what;
    this.settings = settings;
    this.deps = deps;
  }

  /** Resolves once the line has the level. Rejects with `hardware_tool_missing`, `gpio_line_taken` or `hardware_unavailable`. */
  async set(active: boolean): Promise<void> {
    const { clock, programs, lost } = this.deps;
    const command = await holdCommand(programs, this.settings, active);
    const before = this.holding;
    this.release();
    // A line can have only one holder at a time.
    await before?.ended;
    const run = programs.run(command);
    this.holding = run;
    const fault = run.ended.then((end) =>
      this.holding === run ? gpioFailure(this.what, 'gpioset', this.settings, end) : null,
    );
    const early = await Promise.race([fault, clock.sleep(HELD_MS)]);
    if (early) {
      this.holding = null;
      throw early;
    }
    void fault.then((why) => why && lost(why));
  }

  /** Releases the line; its level is undefined then. */
  release(): void {
    this.holding?.stop();
    this.holding = null;
  }
}

/** EBUSY in the output of libgpiod's tools, which is always English. */
const TAKEN = /\bDevice or resource busy\b/;

/** Why a tool ended unexpectedly: `hardware_tool_missing`, `gpio_line_taken`, `hardware_unavailable`. */
function gpioFailure(
  what: string,
  tool: Tool,
  { chip, line }: Pick<LineSettings, 'chip' | 'line'>,
  end: ProgramEnd,
): Failure {
  if (end.missing) return failure('hardware_tool_missing', { tool, package: PACKAGE });
  if (TAKEN.test(end.words)) return failure('gpio_line_taken', { what, chip, line });
  return failure('hardware_unavailable', { what, detail: end.words || `${tool} ended` });
}
