import { z } from 'zod';

const HOUR_S = 3600;

export const WebhookRules = z
  .strictObject({
    /** Allows webhooks on this machine, also without TLS: for trials. */
    loopback: z.boolean().default(false),
    /** Interval of searches for waiting events. */
    everyS: z.number().positive().max(HOUR_S).default(5),
    answerSMax: z.number().positive().max(60).default(10),
    /** The longest wait before the first retry; it doubles with each further one, up to `retrySMost`. */
    retrySFirst: z.int().positive().max(HOUR_S).default(30),
    retrySMost: z
      .int()
      .positive()
      .max(24 * HOUR_S)
      .default(6 * HOUR_S),
    /** An event is given up after this many attempts. */
    attemptsMax: z.int().positive().max(100).default(14),
  })
  .refine(({ retrySFirst, retrySMost }) => retrySFirst <= retrySMost, 'retrySFirst is above retrySMost');
export type WebhookRules = z.infer<typeof WebhookRules>;
