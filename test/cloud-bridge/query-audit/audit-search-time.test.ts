// The hour of a search in the agency's time zone, in the formats that exports have.
import { expect, it } from 'vitest';
import { SearchTimes } from '../../../cloud-bridge/query-audit/audit.ts';

const chicago = new SearchTimes('America/Chicago');

it.each([
  ['11/25/2026, 03:05:09 AM UTC', 21],
  ['7/1/2026, 03:05:09 AM UTC', 22],
  ['07/01/2026, 12:30:00 AM', 0],
  ['07/01/2026, 12:30 PM', 12],
  ['2026-07-01T03:05:09Z', 22],
  ['2026-07-01T03:05:09.123+02:00', 20],
  ['2026-07-01T03:05:09-0530', 3],
  ['2026-07-01 03:05:09', 3],
])('reads %s as hour %i in Chicago', (text, hour) => {
  expect(chicago.localHour(text)).toBe(hour);
  expect(chicago.localHour(text)).toBe(hour);
});

it.each(['', 'yesterday', '2026-07-01', '2026-07-01 99:05:09', '99999/1/1'])('finds no time in "%s"', (text) => {
  expect(chicago.localHour(text)).toBeNull();
});
