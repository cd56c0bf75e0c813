// Single tests that run in `npm run check:slow` alone, in files whose other tests run in `npm run check`.
import { it } from 'vitest';

/** `it`, where the long proofs run; else nothing. For what guards no invariant, or shows that another test can fail. */
export const slowIt = (process.env['DOORSILL_SLOW'] === '1' ? it : () => undefined) as typeof it;
