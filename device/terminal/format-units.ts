// Parses and formats points in time and durations. Inside, times are integer microseconds since 1970.
import { failure } from './errors.ts';

const ISO = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)$/;
const TIME_OF_DAY = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,6}))?$/;

/**
 * Parses a moment: ISO 8601 with zone, or `HH:MM:SS[.fraction]`, the last such local time before `nowUs`.
 * Fractions go down to microseconds. Throws `usage`, also for a local time that daylight saving skipped or repeated.
 */
export function parseMoment(text: string, nowUs: number): number {
  const iso = ISO.exec(text);
  if (iso) {
    const wholeMs = Date.parse(`${iso[1]}${iso[3]}`);
    if (!Number.isNaN(wholeMs)) return wholeMs * 1000 + fractionUs(iso[2]);
  }
  const time = TIME_OF_DAY.exec(text);
  if (time)
    return lastLocalTime(text, [Number(time[1]), Number(time[2]), Number(time[3])], nowUs) + fractionUs(time[4]);
  throw failure('usage', { detail: `"${text}" is not a time; write 2026-11-25T10:15:30.5Z or 10:15:30.5` });
}

/** The last moment before `nowUs` with this local time. Throws `usage` for one that a clock change skipped or repeated. */
function lastLocalTime(text: string, [hours, minutes, seconds]: [number, number, number], nowUs: number): number {
  const day = new Date(nowUs / 1000);
  day.setHours(hours, minutes, seconds, 0);
  if (day.getTime() * 1000 > nowUs) {
    day.setDate(day.getDate() - 1);
    // Set again, because the clock may have changed on the day before.
    day.setHours(hours, minutes, seconds, 0);
  }
  const readings = (atMs: number) => {
    const at = new Date(atMs);
    return at.getHours() === hours && at.getMinutes() === minutes && at.getSeconds() === seconds;
  };
  if (!readings(day.getTime())) throw unclear(text, 'the change to summer time skipped it');
  const other = SHIFTS_MS.find(
    (shiftMs) => readings(day.getTime() + shiftMs) && (day.getTime() + shiftMs) * 1000 <= nowUs,
  );
  if (other !== undefined) throw unclear(text, 'the change to winter time repeated it');
  return day.getTime() * 1000;
}

/** The possible clock changes: half an hour on Lord Howe Island, an hour elsewhere, two at a station in Antarctica. */
const SHIFTS_MS = [1_800_000, 3_600_000, 7_200_000].flatMap((ms) => [ms, -ms]);

function unclear(text: string, why: string) {
  const detail = `${text} is ambiguous on that day: ${why}; write it with its zone, such as 2026-11-25T10:15:30Z`;
  return failure('usage', { detail });
}

function fractionUs(digits: string | undefined): number {
  return Number((digits ?? '').padEnd(6, '0'));
}

/** Formats a moment as ISO 8601 in UTC, in milliseconds where that is exact, else in microseconds. */
export function printMoment(atUs: number): string {
  const seconds = new Date(Math.floor(atUs / 1_000_000) * 1000).toISOString().slice(0, 19);
  const digits = String(((atUs % 1_000_000) + 1_000_000) % 1_000_000).padStart(6, '0');
  return `${seconds}.${digits.endsWith('000') ? digits.slice(0, 3) : digits}Z`;
}

/** Formats a local time of day. */
export function printTimeOfDay(atUs: number): string {
  return new Date(atUs / 1000).toTimeString().slice(0, 8);
}

/** Parses seconds on a source's timeline into microseconds. Throws `usage`. */
export function parseSeconds(text: string, what: string): number {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text))
    throw failure('usage', { detail: `${what} takes seconds such as 12.5, not "${text}"` });
  return Math.round(Number(text) * 1_000_000);
}

/** Formats a duration. */
export function printLength(us: number): string {
  const seconds = us / 1_000_000;
  return seconds < 120
    ? `${Math.round(seconds * 1000) / 1000} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Formats a number of frames for people. */
export function printFrames(count: number): string {
  return count === 1 ? '1 frame' : `${count} frames`;
}

/** Formats a number of bytes for people. */
export function printBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  if (bytes < 1_000_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  return `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}
