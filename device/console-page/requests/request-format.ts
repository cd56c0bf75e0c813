// Formats of the request page, finer than those of kit/format.ts.
import { locale } from '../kit/choose-language.ts';
import { showLength } from '../kit/format.ts';
import { SECOND_US } from '../kit/time-spans.ts';

const tenths = new Intl.NumberFormat(locale, {
  style: 'unit',
  unit: 'second',
  unitDisplay: 'short',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const exactTime = new Intl.DateTimeFormat(locale, {
  hour: 'numeric',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 2,
});
const dayAndMinute = new Intl.DateTimeFormat(locale, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: 'numeric',
  minute: '2-digit',
});
const minute = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' });
const degrees = new Intl.NumberFormat(locale, { minimumFractionDigits: 4, maximumFractionDigits: 4 });

const at = (us: number) => new Date(us / 1000);

/** `12.4 s`; from a minute on as `showLength`. */
export function showClipLength(us: number): string {
  return us < 60 * SECOND_US ? tenths.format(us / SECOND_US) : showLength(us);
}

/** With hundredths, which differ from frame to frame. */
export const showExactTime = (us: number) => exactTime.format(at(us));
export const showDayAndMinute = (us: number) => dayAndMinute.format(at(us));

/** `Fri 27 Nov, 11:05 – 11:20`. */
export function showSpan({ startUs, endUs }: { startUs: number; endUs: number }): string {
  const isOneDay = at(startUs).toDateString() === at(endUs - 1).toDateString();
  return `${dayAndMinute.format(at(startUs))} – ${(isOneDay ? minute : dayAndMinute).format(at(endUs))}`;
}

/** `480 m`, `1.2 km`. */
export function showDistance(metres: number): string {
  return metres < 1_000 ? inUnit(rounded(metres), 'meter') : inUnit(rounded(metres) / 1_000, 'kilometer');
}

/** `0.23 km²`. */
export function showSurface(squareMetres: number): string {
  const number = new Intl.NumberFormat(locale, { maximumSignificantDigits: 2 });
  return `${number.format(squareMetres / 1e6)} km²`;
}

/** `47.6062° N, 122.3321° W`. */
export function showPlace({ latitude, longitude }: { latitude: number; longitude: number }): string {
  const north = `${degrees.format(Math.abs(latitude))}° ${latitude < 0 ? 'S' : 'N'}`;
  return `${north}, ${degrees.format(Math.abs(longitude))}° ${longitude < 0 ? 'W' : 'E'}`;
}

/** To two digits: areas are drawn by hand. */
function rounded(value: number): number {
  return Number(value.toPrecision(2));
}

function inUnit(value: number, unit: string): string {
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }).format(value);
}
