// Owns: numbers and durations as options have them. Not here: ports (parse-port.ts), moments (terminal/format-units.ts).
import { failure } from '../errors.ts';

/** Throws `usage` for what is no whole number from `least` to `most`. */
export function readWhole(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw failure('usage', {
    detail: `${option} takes a whole number from ${least} to ${most}, not "${text.slice(0, 40)}"`,
  });
}

/** Milliseconds; null where it was not said. Throws `usage` for less than a second. */
export async function readDuration(option: string, text: string | undefined): Promise<number | null> {
  if (text === undefined) return null;
  const { durationSchema } = await import('../scenario/language/durations.ts');
  const read = durationSchema.safeParse(text);
  if (!read.success || read.data < 1_000_000)
    throw failure('usage', {
      detail: `${option} takes a duration of 1s or more, such as 90s or 10m, not "${text.slice(0, 40)}"`,
    });
  return read.data / 1_000;
}
