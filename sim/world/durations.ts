/** Units of written durations, in microseconds. */
export const UNIT_US = { ms: 1_000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000, d: 86_400_000_000 } as const;

const WRITTEN = /^([+-]?)(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h|d)$/;

/** Reads `250ms`, `7.2s`, `2m`, `12h` or `3d`, with or without a sign, as whole microseconds; null for other text. */
export function parseDurationUs(text: string): number | null {
  const [, sign, number, unit] = WRITTEN.exec(text) ?? [];
  if (number === undefined) return null;
  return Math.round(Number(number) * UNIT_US[unit as keyof typeof UNIT_US]) * (sign === '-' ? -1 : 1);
}
