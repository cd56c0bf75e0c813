import { describe, expect, it } from 'vitest';
import { isFailure } from '../../../sim/errors.ts';
import { parseStart } from '../../../sim/world/start-time.ts';

const us = (iso: string) => Date.parse(iso) * 1000;

function refusal(text: string): string {
  try {
    return `read as ${JSON.stringify(parseStart(text))}`;
  } catch (thrown) {
    return isFailure(thrown) && thrown.code === 'start_time_refused' ? thrown.message : `threw ${String(thrown)}`;
  }
}

describe('a start', () => {
  it.each([
    ['2026-03-29T01:59:50+01:00', '2026-03-29T00:59:50Z'],
    ['2026-03-29T00:59:50Z', '2026-03-29T00:59:50Z'],
    ['2026-03-29 01:59:50 Europe/Berlin', '2026-03-29T00:59:50Z'],
    ['2026-03-29 03:00 Europe/Berlin', '2026-03-29T01:00:00Z'],
    ['2026-07-01 12:00:00 Europe/Berlin', '2026-07-01T10:00:00Z'],
    ['2028-02-29T12:00:00 UTC', '2028-02-29T12:00:00Z'],
    ['2026-01-15T12:00:00-0730', '2026-01-15T19:30:00Z'],
    ['2026-01-15 12:00:00 Asia/Kathmandu', '2026-01-15T06:15:00Z'],
    ['2026-10-04 03:00:00 Australia/Lord_Howe', '2026-10-03T16:00:00Z'],
    ['1971-12-31 23:00:00 Africa/Monrovia', '1971-12-31T23:44:30Z'],
  ])('is read from %s', (text, iso) => {
    expect(parseStart(text).wallUs).toBe(us(iso));
  });

  it('keeps microseconds and the zone', () => {
    expect(parseStart('2026-03-29T00:59:50.000001Z')).toEqual({ wallUs: us('2026-03-29T00:59:50Z') + 1 });
    expect(parseStart('2026-03-29 01:59:50.5 Europe/Berlin')).toEqual({
      wallUs: us('2026-03-29T00:59:50Z') + 500_000,
      zone: 'Europe/Berlin',
    });
  });

  it('that no clock shows is refused with both readings', () => {
    const said = refusal('2026-03-29 02:30:00 Europe/Berlin');
    expect(said).toContain('put forward over it');
    expect(said).toContain('2026-03-29T01:30:00+01:00 or 2026-03-29T03:30:00+02:00');
    for (const reading of ['2026-03-29T01:30:00+01:00', '2026-03-29T03:30:00+02:00']) parseStart(reading);
  });

  it('that clocks show twice is refused with both readings', () => {
    const said = refusal('2026-10-25 02:30:00 Europe/Berlin');
    expect(said).toContain('twice');
    expect(said).toContain('2026-10-25T02:30:00+01:00 or 2026-10-25T02:30:00+02:00');
    expect(refusal('2026-04-05 01:45:00 Australia/Lord_Howe')).toContain('+10:30 or 2026-04-05T01:45:00+11:00');
  });

  it('on a day that a zone has skipped is refused', () => {
    expect(refusal('2011-12-30 12:00:00 Pacific/Apia')).toContain('put forward over it');
    expect(parseStart('2011-12-31 00:00:00 Pacific/Apia').wallUs).toBe(us('2011-12-30T10:00:00Z'));
  });

  it.each([
    ['2026-02-29T12:00:00Z', '2026 is no leap year'],
    ['2100-02-29T12:00:00Z', '2100 is no leap year'],
    ['2026-04-31T12:00:00Z', '2026-04 has 30 days'],
    ['2026-13-01T12:00:00Z', 'no month 13'],
    ['2026-00-01T12:00:00Z', 'no month 0'],
    ['2026-01-00T12:00:00Z', 'has 31 days'],
    ['2026-01-01T24:00:00Z', 'hours are 00 to 23'],
    ['2016-12-31T23:59:60Z', 'clock: { step: -1s }'],
    ['2026-01-01T12:00:00', 'neither an offset nor a zone'],
    ['2026-01-01', 'date and a time'],
    ['2026-01-01T12:00:00 Europe/Berlim', 'did you mean Europe/Berlin?'],
    ['2026-01-01T12:00:00 +01:00 Europe/Berlin', 'neither an offset nor the name'],
    ['2026-01-01T12:00:00+15:00', 'at most 14 hours'],
    ['1969-01-01T12:00:00Z', 'the year'],
    ['9999-01-01T12:00:00Z', 'the year'],
    ['', 'date and a time'],
    ['2026-01-01T12:00:00 __proto__', 'neither an offset nor the name'],
    [`2026-01-01T12:00:00 ${'A'.repeat(100_000)}`, 'date and a time'],
  ])('of %s is refused', (text, why) => {
    expect(refusal(text)).toContain(why);
  });
});
