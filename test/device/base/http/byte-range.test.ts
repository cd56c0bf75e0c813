import { expect, it } from 'vitest';
import { rangeOf } from '../../../../device/base/http/byte-range.ts';

it('reads a Range header as RFC 9110 says, and sends everything when it cannot', () => {
  expect(rangeOf('bytes=0-0', 10)).toEqual({ start: 0, end: 1 });
  expect(rangeOf('bytes=5-', 10)).toEqual({ start: 5, end: 10 });
  expect(rangeOf('bytes=5-99', 10)).toEqual({ start: 5, end: 10 });
  expect(rangeOf('bytes=-3', 10)).toEqual({ start: 7, end: 10 });
  for (const header of [
    undefined,
    'bytes=-',
    'bytes=10-',
    'bytes=7-5',
    'bytes=-0',
    'bytes=0-1,4-5',
    'items=0-1',
    'bytes=a-b',
  ]) {
    expect(rangeOf(header, 10)).toBeNull();
  }
});
