// The written form of an expectation.
import { sha256Schema } from '@doorsill/contract/ids';
import { CutMethod } from '@doorsill/contract/manifest';
import { DisclosureKey } from '@doorsill/contract/shared-claims';
import { z } from 'zod';
import { countSchema, durationSchema, spanSchema } from './durations.ts';
import { CLIP_OUTCOMES, EXPECTED_EVENTS } from './scenario.ts';
import { nameSchema, pathSchema } from './written-steps.ts';

const doorbell = { doorbell: nameSchema.optional() };
const whereSchema = z.record(
  z.string().min(1).max(120),
  z.union([z.string().max(400), z.number(), z.boolean(), z.null()]),
);
const share = z.number().min(0).max(1).optional();
const most = z.int().min(0).max(1_000_000).optional();

/** Each kind by its first word, which no other kind has. */
export const EXPECTATIONS = [
  z.strictObject({
    event: z.enum(EXPECTED_EVENTS),
    at: durationSchema.optional(),
    within: durationSchema.optional().describe('Tolerance of `at`; default 0.5s'),
    between: spanSchema.optional(),
    count: countSchema.optional().describe('How many such events; default one at least'),
    where: whereSchema.optional(),
    ...doorbell,
  }),
  z.strictObject({ 'no-event': z.enum(EXPECTED_EVENTS), between: spanSchema.optional(), ...doorbell }),
  z.strictObject({
    truth: pathSchema.describe('Labelled spans of the footage'),
    'min-precision': share,
    'min-recall': share,
    'max-delay': durationSchema.optional(),
    'max-false': most,
    'max-missed': most,
    tolerance: durationSchema.optional(),
    ...doorbell,
  }),
  z.strictObject({
    clip: nameSchema.describe('A request, by the name of its step'),
    frames: countSchema.optional().describe('How many, or which frames of the source: 156..305'),
    from: durationSchema.optional(),
    to: durationSchema.optional(),
    method: CutMethod.optional(),
    sha256: sha256Schema.optional(),
    audio: z.boolean().optional(),
  }),
  z.strictObject({ disclosed: nameSchema, keys: z.array(DisclosureKey).max(4) }),
  z.strictObject({ uploaded: z.union([z.literal('nothing'), z.array(nameSchema).min(1).max(1_000)]) }),
  z.strictObject({ error: z.string().max(60), step: nameSchema.optional() }),
  z.strictObject({ outcome: nameSchema, is: z.enum(CLIP_OUTCOMES) }),
  z.strictObject({ custody: nameSchema, is: z.literal('proved') }),
  z.strictObject({ 'bridge-bytes-before-grant': z.int().min(0).max(1_000_000_000) }),
  z.strictObject({ notice: nameSchema, reaches: z.boolean(), ...doorbell }),
  z.strictObject({ log: z.enum(['none-above-info', 'none-above-warn', 'none-above-error']) }),
  z.strictObject({ 'ring-holds': z.union([z.literal('nothing'), spanSchema]), ...doorbell }),
  z.strictObject({ state: whereSchema.describe('Paths in the device’s state: camera.state'), ...doorbell }),
  z.strictObject({ ledger: z.literal('verifies'), ...doorbell }),
  z.strictObject({ golden: pathSchema.describe('Events and decisions as JSON; `--update` writes it') }),
] as const;

export const WrittenExpectation = z.union(EXPECTATIONS);
export type WrittenExpectation = z.output<typeof WrittenExpectation>;
