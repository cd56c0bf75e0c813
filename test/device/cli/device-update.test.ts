import { describe, expect, it } from 'vitest';
import { expectWithin } from '../../../device/cli/device-update.ts';

const at = (hour: number, minute = 0) => new Date(2026, 0, 1, hour, minute);

describe('--between', () => {
  it.each([
    ['02:00-04:00', at(2), true],
    ['02:00-04:00', at(3, 59), true],
    ['02:00-04:00', at(4), false],
    ['02:00-04:00', at(1, 59), false],
    ['23:30-01:00', at(0, 30), true],
    ['23:30-01:00', at(23, 45), true],
    ['23:30-01:00', at(12), false],
  ])('%s holds %s: %s', (window, now, isIn) => {
    if (isIn) expect(() => expectWithin(window, now)).not.toThrow();
    else expect(() => expectWithin(window, now)).toThrow(expect.objectContaining({ code: 'update_outside_window' }));
  });

  it.each(['2-4', '24:00-25:00', '02:00', ''])('is not %j', (window) => {
    expect(() => expectWithin(window, at(1))).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
