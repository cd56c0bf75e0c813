// Reads the start of a replay: an instant with an offset, or a local time in an IANA zone.
import { nearestWord } from '@doorsill/base/schema-fault';
import { failure } from '../errors.ts';

export interface StartTime {
  /** Microseconds since 1970-01-01 UTC. */
  wallUs: number;
  /** The IANA zone, where one was named. */
  zone?: string;
}

const DATE_AND_TIME = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,6}))?)?/;
const OFFSET = /^(?:Z|([+-])(\d\d):?(\d\d))$/i;
const ZONE = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;
const TEXT_LENGTH_MAX = 120;
const YEAR_MIN = 1970;
/** Later years have no exact microseconds, or the wire contract refuses them. */
const YEAR_MAX = 2199;
const DAY_MS = 24 * 3_600_000;

/**
 * Reads `2026-03-29T01:59:50+01:00`, `2026-03-29T00:59:50Z` or `2026-03-29 01:59:50 Europe/Berlin`. A local time that the zone skips
 * or has twice is refused with both readings. Throws `start_time_refused`.
 */
export function parseStart(text: string): StartTime {
  const refuse = (detail: string) => failure('start_time_refused', { text: text.slice(0, TEXT_LENGTH_MAX), detail });
  const trimmed = text.trim();
  const read = trimmed.length > TEXT_LENGTH_MAX ? null : DATE_AND_TIME.exec(trimmed);
  if (!read) throw refuse('it does not begin with a date and a time, as 2026-03-29 01:59:50 does');
  const localMs = civilMs(read, refuse);
  const us = Number((read[7] ?? '').padEnd(6, '0'));
  const where = trimmed.slice(read[0].length).trim();
  const offset = OFFSET.exec(where);
  if (offset) return { wallUs: (localMs - offsetMsOf(offset, refuse)) * 1000 + us };
  if (where === '') throw refuse('it says neither an offset nor a zone, so it could be many instants');
  if (!ZONE.test(where)) throw refuse(`"${where.slice(0, 40)}" is neither an offset nor the name of a zone`);
  return { wallUs: instantMs(localMs, where, refuse) * 1000 + us, zone: where };
}

type Refuse = (detail: string) => Error;

/** The date and time as if they were UTC, in milliseconds, without fractions of a second. */
function civilMs(read: RegExpExecArray, refuse: Refuse): number {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = read
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  if (year < YEAR_MIN || year > YEAR_MAX) throw refuse(`the year is not within ${YEAR_MIN} and ${YEAR_MAX}`);
  if (month < 1 || month > 12) throw refuse(`there is no month ${month}`);
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (month === 2 && day === 29 && days === 28) throw refuse(`${year} is no leap year, so its February has 28 days`);
  if (day < 1 || day > days) throw refuse(`${read[1]}-${read[2]} has ${days} days`);
  if (hour > 23 || minute > 59 || second > 60) throw refuse('hours are 00 to 23, minutes and seconds 00 to 59');
  if (second === 60) {
    throw refuse(
      'computers’ clocks have no second 60. For a leap second start before it, and let the step `clock: { step: -1s }` repeat second 59',
    );
  }
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function offsetMsOf([, sign, hours = '0', minutes = '0']: RegExpExecArray, refuse: Refuse): number {
  if (Number(hours) > 14 || Number(minutes) > 59) throw refuse('offsets are at most 14 hours');
  return (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
}

/** The one instant at which clocks in `zone` show `localMs`. */
function instantMs(localMs: number, zone: string, refuse: Refuse): number {
  const offsetAt = zoneOffsets(zone, refuse);
  // The offsets around it: no zone changes its clocks twice within two days.
  const offsets = [...new Set([localMs - DAY_MS, localMs, localMs + DAY_MS].map(offsetAt))];
  const instants = offsets
    .map((offset) => localMs - offset)
    .filter((instant) => localMs - offsetAt(instant) === instant);
  const [only, other] = instants.sort((a, b) => a - b);
  if (only !== undefined && other === undefined) return only;
  const readings = (only === undefined ? offsets.map((offset) => localMs - offset) : instants)
    .map((instant) => withOffset(instant, offsetAt(instant)))
    .sort();
  const both = [...new Set(readings)].join(' or ');
  throw refuse(
    only === undefined
      ? `clocks in ${zone} are put forward over it, so nothing shows it; write ${both}`
      : `clocks in ${zone} show it twice, as they are put back; write ${both}`,
  );
}

/** A zone's offset from UTC at an instant; both in milliseconds. */
function zoneOffsets(zone: string, refuse: Refuse): (instantMs: number) => number {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      ...({ year: 'numeric', month: 'numeric', day: 'numeric' } as const),
      ...({ hour: 'numeric', minute: 'numeric', second: 'numeric' } as const),
    });
  } catch {
    const meant = nearestWord(zone, ['UTC', ...Intl.supportedValuesOf('timeZone')]);
    throw refuse(`there is no zone ${zone}${meant === null ? '' : `; did you mean ${meant}?`}`);
  }
  return (instant) => {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
    const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) - instant;
  };
}

function withOffset(instant: number, offset: number): string {
  const minutes = Math.abs(Math.round(offset / 60_000));
  const two = (number: number) => String(number).padStart(2, '0');
  const local = new Date(instant + offset).toISOString().slice(0, 19);
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
