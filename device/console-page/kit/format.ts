import { locale } from './choose-language.ts';

const timeOfDay = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
const hourAndMinute = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' });
const dayAndTime = new Intl.DateTimeFormat(locale, {
  weekday: 'short',
  hour: 'numeric',
  minute: '2-digit',
  second: '2-digit',
});
const dateAndTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
const dayOnly = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' });
const whole = new Intl.NumberFormat(locale);
const oneDigit = new Intl.NumberFormat(locale, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });

const at = (us: number) => new Date(us / 1000);

export const showTime = (us: number) => timeOfDay.format(at(us));
export const showMinute = (us: number) => hourAndMinute.format(at(us));
export const showDayAndTime = (us: number) => dayAndTime.format(at(us));
export const showDateAndTime = (us: number) => dateAndTime.format(at(us));
export const showDay = (us: number) => dayOnly.format(at(us));
export const showCount = (count: number) => whole.format(count);
/** Bits a second as Mbit/s, never 0. */
export const showMbit = (bitsPerSecond: number) => oneDigit.format(Math.max(0.1, bitsPerSecond / 1_000_000));
export const showShare = (share: number) => percent.format(share);

/** Offset of local time from UTC at a moment, in microseconds. */
export const zoneUs = (us: number) => -at(us).getTimezoneOffset() * 60_000_000;

/** `3 h 12 min`, `4 min`, `32 s`. */
export function showLength(us: number): string {
  const seconds = Math.round(us / 1_000_000);
  const unit = (value: number, of: 'hour' | 'minute' | 'second') =>
    new Intl.NumberFormat(locale, { style: 'unit', unit: of, unitDisplay: 'short' }).format(value);
  if (seconds < 60) return unit(seconds, 'second');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10 && seconds % 60 > 0) return `${unit(minutes, 'minute')} ${unit(seconds % 60, 'second')}`;
  if (minutes < 60) return unit(minutes, 'minute');
  const rest = minutes % 60;
  return rest === 0
    ? unit(Math.floor(minutes / 60), 'hour')
    : `${unit(Math.floor(minutes / 60), 'hour')} ${unit(rest, 'minute')}`;
}

export function showBytes(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const unit = units[step] ?? 'byte';
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits: step > 2 ? 1 : 0,
  }).format(bytes / 1000 ** step);
}
