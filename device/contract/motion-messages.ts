// What a device's own server exchanges with an owner who sets up motion detection: the live mask, and trials of other settings on recorded
// footage.
import { z } from 'zod';
import { motionZonesSchema, sensitivitySchema } from './owner-settings.ts';
import { Window } from './shared-claims.ts';

/** One line of the live mask. */
export const MotionMaskLine = z.strictObject({
  atUs: z.int().nonnegative(),
  /** The detector is learning the scene: nothing counts as motion yet. */
  isLearning: z.boolean(),
  columns: z.int().positive().max(255),
  rows: z.int().positive().max(255),
  /** A bit for each block, row by row, the first in the highest bit of the first byte; base64url. */
  blocks: z.string().max(11_000),
});
export type MotionMaskLine = z.infer<typeof MotionMaskLine>;

/** Longest span of one trial: a night. */
export const TRIAL_US_MAX = 12 * 3_600_000_000;
/** Most sensitivities of one trial. */
export const TRIAL_SENSITIVITIES_MAX = 5;
/** Most events listed for each sensitivity; all are counted. */
export const TRIAL_EVENTS_MAX = 200;

/** An owner's order for a trial: the settings to try, and the footage. */
export const TrialAsk = z.strictObject({
  window: Window,
  zones: motionZonesSchema,
  sensitivities: z.array(sensitivitySchema).min(1).max(TRIAL_SENSITIVITIES_MAX),
});
export type TrialAsk = z.infer<typeof TrialAsk>;

/** The settings that find an event: one of the asked sensitivities with the asked zones, or the settings in force. */
const by = z.union([sensitivitySchema, z.literal('in-force')]);

/** One line of a trial's answer. */
export const TrialLine = z.discriminatedUnion('line', [
  z.strictObject({ line: z.literal('progress'), lookedUs: z.int().nonnegative(), ofUs: z.int().nonnegative() }),
  z.strictObject({ line: z.literal('event'), by, startUs: z.int().nonnegative(), endUs: z.int().nonnegative() }),
  /** The last line: `done`, or `failed`. */
  z.strictObject({
    line: z.literal('done'),
    counts: z.array(z.strictObject({ by, events: z.int().nonnegative() })),
    /** Footage that was looked at. */
    lookedUs: z.int().nonnegative(),
  }),
  z.strictObject({ line: z.literal('failed'), code: z.string().max(60), detail: z.string().max(600) }),
]);
export type TrialLine = z.infer<typeof TrialLine>;
