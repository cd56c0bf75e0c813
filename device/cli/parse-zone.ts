// Parses a rectangle of the picture, in percent, from an argument.
import type { Zone } from '@doorsill/contract/shared-claims';
import { failure } from '../terminal/errors.ts';

/** Reads `left,top,width,height` in percent into ten-thousandths. `option` names it in the failure. Throws `usage`. */
export function parseZone(text: string, option: string): Zone {
  const numbers = text.split(',').map(Number);
  const [left, top, width, height] = numbers.map((percent) => Math.round(percent * 100));
  if (numbers.length !== 4 || left === undefined || top === undefined || width === undefined || height === undefined) {
    throw failure('usage', { detail: `${option} takes left,top,width,height in percent` });
  }
  if (
    width === 0 ||
    height === 0 ||
    ![left, top, width, height].every((value) => Number.isFinite(value) && value >= 0) ||
    left + width > 10_000 ||
    top + height > 10_000
  ) {
    throw failure('usage', { detail: `${option} ${text} is no rectangle inside the picture, in percent` });
  }
  return { left, top, width, height };
}
