// Owns: the settings of searches for pets, and their defaults. Not here: checking searches against them (searches.ts).

import { LIFE_S_MAX } from '@doorsill/contract/shared-claims';
import { z } from 'zod';

const HOUR_S = 3600;

export const SearchRules = z.strictObject({
  /** A search lives a few hours. */
  lifeSMax: z
    .int()
    .min(60)
    .max(LIFE_S_MAX.search)
    .default(6 * HOUR_S),
  /** Searches that one home may have open, and those it may post in a day. */
  openPerHome: z.int().positive().max(10).default(1),
  postsPerDay: z.int().positive().max(100).default(3),
  /** Limits what a device has to receive: each search comes with a photo. */
  openPerCellMax: z.int().positive().max(40).default(20),
});
export type SearchRules = z.infer<typeof SearchRules>;
