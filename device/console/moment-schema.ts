import { z } from 'zod';

/** Microseconds since 1970, in one spelling. */
export const momentSchema = z
  .string()
  .regex(/^(0|[1-9]\d{0,15})$/)
  .transform(Number)
  .pipe(z.int().nonnegative())
  .meta({ type: 'integer', minimum: 0 });
