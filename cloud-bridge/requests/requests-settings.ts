import { z } from 'zod';

const HOUR_S = 3600;

export const RequestRules = z.strictObject({
  windowSMin: z
    .int()
    .positive()
    .default(15 * 60),
  windowSMax: z
    .int()
    .positive()
    .default(12 * HOUR_S),
  /** 0.025 to 0.5 square miles, in square metres. */
  areaM2Min: z.int().positive().default(64_750),
  areaM2Max: z.int().positive().default(1_294_994),
  lifeSMax: z
    .int()
    .positive()
    .max(30 * 24 * HOUR_S)
    .default(7 * 24 * HOUR_S),
  postsPerInvestigation: z.int().positive().default(2),
  /** A contact's email must be at the agency's own domain. */
  officialEmailOnly: z.boolean().default(true),
  openPerCellMax: z.int().positive().max(99).default(60),
  /** Drafts and requests in moderation that one agency may have at once. */
  waitingPerAgencyMax: z.int().positive().default(50),
  /** Which requests a moderator reviews before they are published: all, those whose text has findings, or none. */
  moderation: z.enum(['everything', 'findings', 'nothing']).default('everything'),
  stateAgencies: z.boolean().default(false),
});
export type RequestRules = z.infer<typeof RequestRules>;
