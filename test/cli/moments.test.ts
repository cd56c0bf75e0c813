import { describe, expect, it } from 'vitest';
import { parseMoment, parseSeconds, printBytes, printLength, printMoment } from '../../sim/cli/moments.ts';

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

  it('come out as they went in', () => {
    for (const us of [NOW_US, NOW_US + 500_000, NOW_US + 66_667, NOW_US + 1])
      expect(parseMoment(printMoment(us), 0)).toBe(us);
    expect(printMoment(NOW_US + 500_000)).toBe('2026-11-25T12:00:00.500Z');
    expect(printMoment(NOW_US + 66_667)).toBe('2026-11-25T12:00:00.066667Z');
  });

  it('refuse what is no time, and say how to write one', () => {
    for (const text of ['', 'soon', '25:61', '2026-11-25', '2026-11-25T10:15:30', '2026-13-45T10:15:30Z']) {
      expect(() => parseMoment(text, NOW_US), text).toThrow('2026-11-25T10:15:30.5Z');
    }
  });

  it('read seconds on a source’s timeline to the microsecond', () => {
    expect(parseSeconds('1.066667', '--from')).toBe(1_066_667);
    expect(parseSeconds('0', '--from')).toBe(0);
    for (const text of ['-1', '1e3', 'NaN', '1,5', ''])
      expect(() => parseSeconds(text, '--from'), text).toThrow('--from');
  });

  it('print lengths and sizes for reading', () => {
    expect([printLength(4_000_000), printLength(66_667), printLength(900_000_000)]).toEqual([
      '4 s',
      '0.067 s',
      '15 min 0 s',
    ]);
    expect([printBytes(999), printBytes(1500), printBytes(2_340_000)]).toEqual(['999 B', '1.5 kB', '2.3 MB']);
  });
});
