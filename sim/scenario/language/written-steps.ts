// Schema of a step as a scenario file writes it: when it happens, whom it concerns, and one verb.

import { idSchema } from '@doorsill/contract/ids';
import { SettingsChange } from '@doorsill/contract/owner-settings';
import { PetKind } from '@doorsill/contract/search';
import { DisclosureKey, DisclosureProfile, Zone } from '@doorsill/contract/shared-claims';
import { z } from 'zod';
import { LINK_LATE_MS_MAX } from '../../world/link-proxy.ts';
import { DISK_STATES, POWER_CUT_LEAVES } from '../../world/simulated-disk.ts';
import { parseStart } from '../../world/start-time.ts';
import { durationSchema, signedDurationSchema, spanSchema } from './durations.ts';
import { AGENCY_STANDINGS, PARTNER_STANDINGS } from './scenario.ts';
import { NEEDS_WORD } from './schema-faults.ts';

/** A name within the scenario. */
export const nameSchema = idSchema;
/** A path relative to the file that contains it. */
export const pathSchema = z.string().min(1).max(1_000);

/** An instant; parsed into microseconds since 1970. */
export const instantSchema = z
  .string()
  .max(200)
  .transform((text, context) => {
    try {
      return parseStart(text);
    } catch (thrown) {
      context.addIssue({ code: 'custom', message: thrown instanceof Error ? thrown.message : String(thrown) });
      return z.NEVER;
    }
  });

const windowSchema = z.union([spanSchema, z.strictObject({ last: durationSchema })]);
const goneOrBack = z.enum(['gone', 'back']);

const requestSchema = z.strictObject({
  as: nameSchema.describe('How later steps and expectations call it'),
  agency: nameSchema.optional(),
  window: windowSchema
    .optional()
    .describe('Asked footage: a span from the start, or { last: 15m }; default the last 15 minutes'),
  category: idSchema.optional().describe('Retention category'),
  incident: z.string().min(1).max(64).optional(),
  investigation: z.string().min(1).max(64).optional(),
  text: z.string().min(1).max(2_000).optional(),
  disclosure: DisclosureProfile.optional(),
  area: z.enum(['here', 'elsewhere']).optional(),
  expires: durationSchema.optional(),
});

const grantSchema = z.strictObject({
  request: nameSchema,
  from: durationSchema.optional(),
  to: durationSchema.optional(),
  disclose: z.array(DisclosureKey).max(4).optional(),
  audio: z.boolean().optional(),
  zones: z.array(Zone).max(16).optional().describe('Blacked out, in ten-thousandths of the picture'),
});

const clockSchema = z.union([
  z.enum(['trusted', 'untrusted']),
  z.strictObject({ set: instantSchema }),
  z.strictObject({ step: signedDurationSchema }),
  z.strictObject({ 'drift-ppm': z.number().min(-100_000).max(100_000) }),
]);

const powerCutSchema = z.strictObject({
  for: durationSchema.optional().describe('How long there is none; default 1s'),
  leaves: z
    .enum(POWER_CUT_LEAVES)
    .optional()
    .describe('Of writes that were not synced: none (lost, the default), some of their sectors (torn), all (kept)'),
});

/** A link's state from now on; whatever is not given is normal. */
const linkSchema = z
  .strictObject({
    which: z.enum(['home', 'area', 'bridge']),
    is: z.enum(['ok', 'lost', 'slow', 'half-open', 'reset']).optional(),
    delay: durationSchema.optional().describe('How late everything comes'),
    jitter: durationSchema.optional().describe('Up to so much later than that'),
    rate: z.int().min(1).max(1_000_000_000).optional().describe('Bytes a second'),
    corrupt: z.number().min(0).max(1).optional().describe('Share of pieces in which one bit is wrong'),
  })
  .superRefine(({ which: _which, is, ...more }, context) => {
    const said = Object.keys(more).length;
    if (is === undefined && said === 0)
      context.addIssue({
        code: 'custom',
        message: 'a link is ok, lost, slow, half-open or reset, or has a delay, jitter, rate or corrupt',
      });
    if (is !== undefined && said > 0)
      context.addIssue({ code: 'custom', message: `${Object.keys(more)[0]} goes without is`, path: ['is'] });
    for (const word of ['delay', 'jitter'] as const)
      if ((more[word] ?? 0) > LINK_LATE_MS_MAX * 1_000)
        context.addIssue({ code: 'custom', message: 'a link is late by at most ten minutes', path: [word] });
  });

const lostPetSchema = z.strictObject({
  as: nameSchema,
  photo: pathSchema.describe('A JPEG file'),
  pet: PetKind.optional(),
  window: windowSchema.optional(),
  text: z.string().min(1).max(500).optional(),
  disclosure: DisclosureProfile.optional(),
});

/** Each step has one of these verbs. */
export const STEP_VERBS = {
  press: z.union([z.literal(true), nameSchema]).describe('Press the button, or another one by its name'),
  request: requestSchema.describe('An agency asks for footage'),
  grant: z.union([nameSchema, grantSchema]).describe('The owner grants a request; nothing goes unless it is named'),
  deny: nameSchema,
  ignore: nameSchema,
  revoke: nameSchema.describe('The owner takes a grant back'),
  recall: nameSchema.describe('The owner takes a grant back after the vault has the clip'),
  withdraw: nameSchema.describe('The agency takes its request back'),
  privacy: z.enum(['on', 'off']),
  forget: z.union([z.literal(true), spanSchema]).describe('All footage, or that of a span'),
  settings: SettingsChange.describe('A change that the owner signs'),
  'add-owner': nameSchema,
  'remove-owner': nameSchema,
  reboot: z.literal(true),
  'power-cut': z.union([z.literal(true), powerCutSchema]),
  clock: clockSchema,
  disk: z
    .enum(DISK_STATES)
    .describe('The disk from now on; failing: every write ends with EIO; unsynced: what it calls durable is not'),
  link: linkSchema,
  broker: goneOrBack,
  bridge: goneOrBack,
  vault: goneOrBack,
  registry: goneOrBack,
  agency: z.strictObject({ name: nameSchema, standing: z.enum(AGENCY_STANDINGS) }),
  partner: z.strictObject({ name: nameSchema, is: z.enum(PARTNER_STANDINGS) }),
  'lost-pet': lostPetSchema,
  camera: z.enum(['unplugged', 'back']),
  'camera-fault': z
    .string()
    .min(1)
    .max(300)
    .describe('What the camera does wrong from then on: NAME[=VALUE][+LENGTH], such as frozen+5s'),
  wait: durationSchema,
} as const;

type Optional<Shape extends Record<string, z.ZodType>> = { [Key in keyof Shape]: z.ZodOptional<Shape[Key]> };

function optional<Shape extends Record<string, z.ZodType>>(shape: Shape): Optional<Shape> {
  return Object.fromEntries(Object.entries(shape).map(([key, schema]) => [key, schema.optional()])) as Optional<Shape>;
}

const verbsOf = (step: object) => Object.keys(STEP_VERBS).filter((verb) => verb in step);

export const WrittenStep = z
  .strictObject({
    at: durationSchema.optional().describe('When, from the start'),
    after: z
      .string()
      .max(120)
      .optional()
      .describe('After a step, by its id, or after the next event of a kind: `visit + 2s`, `event-window`'),
    id: nameSchema.optional(),
    doorbell: nameSchema.optional(),
    owner: nameSchema.optional(),
    fails: z.string().max(60).optional().describe('The code with which this step must be refused'),
    ...optional(STEP_VERBS),
  })
  .superRefine((step, context) => {
    const verbs = verbsOf(step);
    if (verbs.length === 0)
      context.addIssue({
        code: 'custom',
        message: `a step does one of ${Object.keys(STEP_VERBS).join(', ')}`,
        // Not reported if a misspelled word of the step is.
        params: { [NEEDS_WORD]: true },
      });
    if (verbs.length > 1) {
      context.addIssue({
        code: 'custom',
        message: `${verbs.join(' and ')} are steps of their own`,
        path: [verbs[1] ?? ''],
      });
    }
    if (step.at !== undefined && step.after !== undefined) {
      context.addIssue({ code: 'custom', message: 'a step has either at or after', path: ['after'] });
    }
  });
export type WrittenStep = z.output<typeof WrittenStep>;
