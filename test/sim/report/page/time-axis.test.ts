import { expect, it } from 'vitest';
import { offsetText, ticksOf, wallText } from '../../../../sim/report/page/time-axis.ts';
import { START_US } from '../support/sample-report.ts';

const S = 1_000_000;
const texts = (seconds: number, max: number) => ticksOf(0, seconds * S, max).map(({ text }) => text);

it('puts ticks at round times', () => {
  expect(texts(24, 6)).toEqual(['0 s', '5 s', '10 s', '15 s', '20 s']);
  expect(texts(0.5, 6)).toEqual(['0 s', '0.1 s', '0.2 s', '0.3 s', '0.4 s', '0.5 s']);
  expect(texts(300, 6)).toEqual(['0 s', '60 s', '2:00', '3:00', '4:00', '5:00']);
  expect(texts(12 * 3600, 5)).toEqual(['0 s', '3:00:00', '6:00:00', '9:00:00', '12:00:00']);
});

it('keeps ticks at round times when a part is visible', () => {
  expect(ticksOf(6 * S, 8 * S, 5).map(({ text }) => text)).toEqual(['6 s', '8 s', '10 s', '12 s', '14 s']);
  expect(ticksOf(6.3 * S, 1 * S, 6).map(({ text }) => text)).toEqual(['6.4 s', '6.6 s', '6.8 s', '7 s', '7.2 s']);
});

it('never has more ticks than fit, for a moment or a year', () => {
  for (const seconds of [0, 0.001, 1, 59, 86_400, 400 * 86_400, 1e10])
    for (const max of [0, 1, 2, 8])
      expect(ticksOf(0, seconds * S, max).length, `${seconds} s`).toBeLessThanOrEqual(Math.max(1, max));
});

it('shows times since the start readably', () => {
  expect([0, 7.2 * S, 119.99 * S, 125 * S, 3725 * S, 90_000 * S, 33_333].map((us) => offsetText(us))).toEqual([
    ...['0 s', '7.2 s', '119.99 s', '2:05', '1:02:05', '1 d 01:00', '0.03 s'],
  ]);
});

it('shows wall time in the footage’s zone, across daylight saving, and in UTC if the zone is unknown', () => {
  expect(wallText(START_US, 'Europe/Berlin')).toBe('29 Mar 2026, 01:59:50.000 CET');
  expect(wallText(START_US + 16.2 * S, 'Europe/Berlin')).toBe('29 Mar 2026, 03:00:06.200 CEST');
  expect(wallText(START_US)).toBe('29 Mar 2026, 00:59:50.000 UTC');
  expect(wallText(START_US, 'Mars/Olympus')).toBe('29 Mar 2026, 00:59:50.000 UTC');
});
