import { LIFE_S_MAX } from '@doorsill/contract/shared-claims';
import { z } from 'zod';

const HOUR_S = 3600;

export const SearchRules = z.strictObject({
  lifeSMax: z
    .int()
    .min(60)
    .max(LIFE_S_MAX.search)
    .default(6 * HOUR_S),
  /** Limits of one home: open searches, and posts in a day. */
  openPerHome: z.int().positive().max(10).default(1),
  postsPerDay: z.int().positive().max(100).default(3),
  /** Bounds what a device must receive: each search has a photo. */
  openPerCellMax: z.int().positive().max(40).default(20),
});
export type SearchRules = z.infer<typeof SearchRules>;
