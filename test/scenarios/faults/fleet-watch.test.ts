// A stuck fleet is distinguished from a late one, and a machine's fleet grows with its speed.
import { expect, it } from 'vitest';
import { doorbellsAt, doorbellsWithRoom, judgeLooks, type Look, STUCK_LOOKS } from './fleet-watch.ts';

/** Constant `idle`; the work done grows by `each`. */
const looks = (count: number, idle: number, each = 0): Look[] =>
  Array.from({ length: count }, (_, at) => ({ done: 7 + at * each, idle }));

it('calls a fleet stuck if nothing happens although processors are idle', () => {
  expect(judgeLooks(looks(STUCK_LOOKS, 0.9))).toBe('stuck');
  expect(judgeLooks([...looks(20, 0.1, 1), ...looks(STUCK_LOOKS, 0.4)])).toBe('stuck');
});

it('calls one late if processors are busy, and neither while anything happens', () => {
  expect(judgeLooks(looks(STUCK_LOOKS, 0.05))).toBe('late');
  expect(judgeLooks(looks(STUCK_LOOKS - 1, 0.9))).toBe('goes on');
  expect(judgeLooks([...looks(STUCK_LOOKS - 1, 0.9), { done: 8, idle: 0.9 }])).toBe('goes on');
});

it('assigns half as many doorbells to a machine half as fast, within limits', () => {
  expect([1_000_000, 2_600, 1_300, 1].map(doorbellsAt)).toEqual([300, 300, 150, 30]);
});

it('takes fewer doorbells where they leave no room for what a fault costs, but never fewer than the least', () => {
  expect(doorbellsWithRoom(300, 0.4)).toBe(300);
  expect(doorbellsWithRoom(300, 0.39)).toBe(180);
  expect(doorbellsWithRoom(40, 0)).toBe(30);
  expect(doorbellsWithRoom(30, 0)).toBe(30);
});
