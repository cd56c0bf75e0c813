// Owns: the settings of sending events, and their defaults. Not here: sending (event-delivery.ts).
import { z } from 'zod';

const HOUR_S = 3600;

export const WebhookRules = z
  .strictObject({
    /** Whether webhooks may be on this machine, and then also without TLS: for trying things out. */
    loopback: z.boolean().default(false),
    /** How often to look for waiting events. */
    everyS: z.number().positive().max(HOUR_S).default(5),
    answerSMax: z.number().positive().max(60).default(10),
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
