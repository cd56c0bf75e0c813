import { describe, expect, it } from 'vitest';
import {
  parseMoment,
  parseSeconds,
  printBytes,
  printLength,
  printMoment,
} from '../../../device/terminal/format-units.ts';

const NOW_US = Date.parse('2026-11-25T12:00:00Z') * 1000;

describe('moments', () => {
  it('read ISO 8601 down to the microsecond, in any zone', () => {
    expect(parseMoment('2026-11-25T10:15:30.5Z', NOW_US)).toBe(Date.parse('2026-11-25T10:15:30.500Z') * 1000);
    expect(parseMoment('2026-11-25T10:15:30.066667Z', NOW_US) % 1_000_000).toBe(66_667);
    expect(parseMoment('2026-11-25T11:15:30+01:00', NOW_US)).toBe(parseMoment('2026-11-25T10:15:30Z', NOW_US));
  });

  it('read a time of day as the last such local time', () => {
    const day = new Date(NOW_US / 1000);
    day.setHours(day.getHours() + 1, 0, 0, 0);
    const later = `${String(day.getHours()).padStart(2, '0')}:00:00`;
    expect(parseMoment(later, NOW_US)).toBe(day.getTime() * 1000 - 24 * 3600 * 1_000_000);
    expect(parseMoment(later, NOW_US)).toBeLessThanOrEqual(NOW_US);
  });

  it('are refused as a time of day where daylight saving skipped or repeated it', () => {
    const zone = process.env['TZ'];
    process.env['TZ'] = 'America/New_York';
    const at = (iso: string) => Date.parse(iso) * 1000;
    try {
      // 1 November 2026: 02:00 EDT becomes 01:00 EST.
      expect(() => parseMoment('01:30:00', at('2026-11-01T07:00:00Z'))).toThrow('repeated it');
      // After only the first of the two, there is one such time.
      expect(parseMoment('01:30:00', at('2026-11-01T06:10:00Z'))).toBe(at('2026-11-01T05:30:00Z'));
      expect(parseMoment('00:30:00', at('2026-11-01T07:00:00Z'))).toBe(at('2026-11-01T04:30:00Z'));
      expect(parseMoment('02:30:00', at('2026-11-01T08:00:00Z'))).toBe(at('2026-11-01T07:30:00Z'));
      // 14 March 2027: 02:00 EST becomes 03:00 EDT.
      expect(() => parseMoment('02:30:00', at('2027-03-14T09:00:00Z'))).toThrow('skipped it');
      expect(() => parseMoment('02:30:00', at('2027-03-15T01:00:00Z'))).toThrow('skipped it');
      expect(parseMoment('03:30:00', at('2027-03-14T09:00:00Z'))).toBe(at('2027-03-14T07:30:00Z'));
      expect(parseMoment('2026-11-01T01:30:00-05:00', 0)).toBe(at('2026-11-01T06:30:00Z'));
      process.env['TZ'] = 'Australia/Lord_Howe';
      // 5 April 2026: the clocks go back by half an hour at 02:00.
      expect(() => parseMoment('01:45:00', at('2026-04-04T16:00:00Z'))).toThrow('repeated it');
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });

  it('are printed as they were parsed', () => {
    for (const us of [NOW_US, NOW_US + 500_000, NOW_US + 66_667, NOW_US + 1])
      expect(parseMoment(printMoment(us), 0)).toBe(us);
    expect(printMoment(NOW_US + 500_000)).toBe('2026-11-25T12:00:00.500Z');
    expect(printMoment(NOW_US + 66_667)).toBe('2026-11-25T12:00:00.066667Z');
  });

  it('refuse text that is not a time, with an example of one', () => {
    for (const text of [
      '',
      'soon',
      '25:61',
      '24:00:00',
      '12:60:00',
      '2026-11-25',
      '2026-11-25T10:15:30',
      '2026-13-45T10:15:30Z',
    ]) {
      expect(() => parseMoment(text, NOW_US), text).toThrow('2026-11-25T10:15:30.5Z');
    }
  });

  it('read seconds on a source’s timeline to the microsecond', () => {
    expect(parseSeconds('1.066667', '--from')).toBe(1_066_667);
    expect(parseSeconds('0', '--from')).toBe(0);
    for (const text of ['-1', '1e3', 'NaN', '1,5', ''])
      expect(() => parseSeconds(text, '--from'), text).toThrow('--from');
  });

  it('print durations and sizes for people', () => {
    expect([printLength(4_000_000), printLength(66_667), printLength(900_000_000)]).toEqual([
      '4 s',
      '0.067 s',
      '15 min 0 s',
    ]);
    expect([printBytes(999), printBytes(1500), printBytes(2_340_000)]).toEqual(['999 B', '1.5 kB', '2.3 MB']);
  });
});
