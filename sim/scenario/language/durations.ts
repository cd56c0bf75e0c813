// Durations, spans and counts as zod schemas. Durations become integer microseconds.
import { z } from 'zod';
import { parseDurationUs, UNIT_US } from '../../world/durations.ts';
import type { CountRange, Span } from './scenario.ts';

const SHORT_UNITS: Record<string, keyof typeof UNIT_US> = {
  msec: 'ms',
  sec: 's',
  secs: 's',
  second: 's',
  seconds: 's',
  min: 'm',
  mins: 'm',
  minute: 'm',
  minutes: 'm',
  hour: 'h',
  hours: 'h',
  hr: 'h',
  day: 'd',
  days: 'd',
};
/** A little more than a year. */
const DURATION_US_MAX = 400 * UNIT_US.d;
export const DURATION_PATTERN = '^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$';
const SIGNED_PATTERN = '^[+-]?[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$';

/** Microseconds, or why the text is not a duration. A number is seconds. */
function readDuration(written: string | number, isSigned: boolean): number | string {
  const text = String(written).trim();
  const us = parseDurationUs(typeof written === 'number' ? `${text}s` : text);
  if (us === null) {
    if (/^[+-]?\d+(\.\d+)?$/.test(text)) return `a duration needs its unit; write ${text}s`;
    const [, number, unit = ''] = /^([+-]?[\d.]+)\s*([a-z]+)$/i.exec(text) ?? [];
    const short = SHORT_UNITS[unit.toLowerCase()] ?? (unit in UNIT_US ? unit : null);
    const hint = number !== undefined && short !== null ? `; write ${number}${short}` : '';
    return `a duration is written as 250ms, 7.2s, 2m, 12h, 3d, or as a number of seconds${hint}`;
  }
  if (/^[+-]/.test(text) && !isSigned) return 'this duration cannot be negative and has no sign';
  return Math.abs(us) > DURATION_US_MAX ? 'a duration is at most 400 days' : us;
}

function durationOf(isSigned: boolean, pattern: string) {
  return z.union([z.number(), z.string().max(40).meta({ pattern })]).transform((written, context) => {
    const us = readDuration(written, isSigned);
    if (typeof us === 'number') return us;
    context.addIssue({ code: 'custom', message: us });
    return z.NEVER;
  });
}

/** A duration; parsed into microseconds. */
export const durationSchema = durationOf(false, DURATION_PATTERN);
/** A duration that may be negative. */
export const signedDurationSchema = durationOf(true, SIGNED_PATTERN);

const RANGE = /^([^.\s]+(?:\.\d+)?[a-z]*)\s*\.\.\s*(\S+)$/;

/** A span, `7s..8.5s` or `{ from: 7s, to: 8.5s }`; parsed into microseconds. */
export const spanSchema = z
  .union([z.string().max(80).meta({ pattern: '\\.\\.' }), z.strictObject({ from: durationSchema, to: durationSchema })])
  .transform((written, context): Span => {
    const refuse = (message: string) => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    const span = typeof written === 'string' ? readRange(written) : { fromUs: written.from, toUs: written.to };
    if (typeof span === 'string') return refuse(span);
    return span.fromUs < span.toUs ? span : refuse('a span ends after it begins');
  });

function readRange(written: string): Span | string {
  const [, first = '', last = ''] = RANGE.exec(written.trim()) ?? [];
  const [fromUs, toUs] = [first, last].map((end) => readDuration(/^\d+(\.\d+)?$/.test(end) ? Number(end) : end, false));
  if (typeof fromUs === 'number' && typeof toUs === 'number') return { fromUs, toUs };
  return 'a span is written as 7s..8.5s';
}

const COUNT_MAX = 1_000_000_000;
const countNumber = z.int().min(0).max(COUNT_MAX);
const COUNT_RANGE = /^(\d{1,10})\s*\.\.\s*(\d{1,10})$/;

/** A whole number, or a range: `156..305`. */
export const countSchema = z
  .union([countNumber, z.string().max(40).meta({ pattern: '^[0-9]+ *\\.\\. *[0-9]+$' })])
  .transform((written, context): number | CountRange => {
    if (typeof written === 'number') return written;
    const [, first, last] = COUNT_RANGE.exec(written.trim()) ?? [];
    const range = { min: Number(first), max: Number(last) };
    if (first !== undefined && range.min <= range.max && range.max <= COUNT_MAX) return range;
    context.addIssue({ code: 'custom', message: 'a count is a whole number, or a range of them such as 156..305' });
    return z.NEVER;
  });

/** A count for people: `3`, `2 to 4`, or `1 or more` if there is no upper bound. */
export function printCount({ min, max }: CountRange): string {
  if (min === max) return `${min}`;
  return max > COUNT_MAX ? `${min} or more` : `${min} to ${max}`;
}
