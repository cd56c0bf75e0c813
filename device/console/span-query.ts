// Moments and spans in the query of an address.
import { failure } from '@doorsill/contract/errors';
import type { Window } from '@doorsill/contract/shared-claims';
import { z } from 'zod';

/** Microseconds since 1970, without leading zeros. */
export const momentSchema = z
  .string()
  .regex(/^(0|[1-9]\d{0,15})$/)
  .transform(Number)
  .pipe(z.int().nonnegative())
  .meta({ type: 'integer', minimum: 0 });

export const spanSchema = z.strictObject({ fromUs: momentSchema, toUs: momentSchema });

/** The queried span. Throws `http_body_invalid` if it is empty, `console_span_too_long` above `mostUs` microseconds. */
export function spanOf({ fromUs, toUs }: z.output<typeof spanSchema>, mostUs: number): Window {
  if (toUs <= fromUs) throw failure('http_body_invalid', { detail: 'toUs: it must be later than fromUs' });
  if (toUs - fromUs > mostUs) throw failure('console_span_too_long', { seconds: mostUs / 1_000_000 });
  return { startUs: fromUs, endUs: toUs };
}
