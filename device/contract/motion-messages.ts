// Owns: what travels between a device's own server and an owner who sets up its motion detector: where something moves now, and what
// other settings would have seen in recorded footage. Pure: the page uses the same schemas. Not here: the settings (owner-settings.ts).
import { z } from 'zod';
import { motionZonesSchema, sensitivitySchema } from './owner-settings.ts';
import { Window } from './shared-claims.ts';

/** One line of the live mask. */
export const MotionMaskLine = z.strictObject({
  atUs: z.int().nonnegative(),
  /** The scene is being learnt: nothing counts as motion yet. */
  isLearning: z.boolean(),
  columns: z.int().positive().max(255),
  rows: z.int().positive().max(255),
  /** A bit for each block, row by row, the first in the highest bit of the first byte; base64url. */
  blocks: z.string().max(11_000),
});
export type MotionMaskLine = z.infer<typeof MotionMaskLine>;

/** Longest span of one trial: a night. */
export const TRIAL_US_MAX = 12 * 3_600_000_000;
/** How many sensitivities one trial compares at most. */
export const TRIAL_SENSITIVITIES_MAX = 5;
/** Events told of for each sensitivity; more are counted. */
export const TRIAL_EVENTS_MAX = 200;

/** What an owner asks a trial to try, on which footage. */
export const TrialAsk = z.strictObject({
  window: Window,
  zones: motionZonesSchema,
  sensitivities: z.array(sensitivitySchema).min(1).max(TRIAL_SENSITIVITIES_MAX),
});
export type TrialAsk = z.infer<typeof TrialAsk>;

/** Whose event it would have been: a sensitivity that was asked for, with the zones that were; or the settings in force. */
const by = z.union([sensitivitySchema, z.literal('in-force')]);

/** One line of a trial's answer. */
export const TrialLine = z.discriminatedUnion('line', [
  z.strictObject({ line: z.literal('progress'), lookedUs: z.int().nonnegative(), ofUs: z.int().nonnegative() }),
  z.strictObject({ line: z.literal('event'), by, startUs: z.int().nonnegative(), endUs: z.int().nonnegative() }),
  /** The whole of it, or why it ended before. */
  z.strictObject({
    line: z.literal('done'),
    counts: z.array(z.strictObject({ by, events: z.int().nonnegative() })),
    /** Footage that was looked at. */
    lookedUs: z.int().nonnegative(),
  }),
  z.strictObject({ line: z.literal('failed'), code: z.string().max(60), detail: z.string().max(600) }),
]);
export type TrialLine = z.infer<typeof TrialLine>;
