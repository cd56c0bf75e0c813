// The written form of a scenario: one schema for YAML, TypeScript and editors.

import { domainSchema } from '@doorsill/contract/agency-calls';
import { idSchema } from '@doorsill/contract/ids';
import { Contact, Jurisdiction, registeredTerms } from '@doorsill/contract/request';
import { DeviceConfig } from '@doorsill/device/config';
import { z } from 'zod';
import { durationSchema } from './durations.ts';
import { AGENCY_STANDINGS, PARTNER_STANDINGS } from './scenario.ts';
import { WrittenExpectation } from './written-expectations.ts';
import { instantSchema, nameSchema, pathSchema, WrittenStep } from './written-steps.ts';

export const STEPS_MAX = 10_000;
const DOORBELLS_MAX = 16;
const AGENCIES_MAX = 32;
const SOURCES_MAX = 1_000;

const sourceText = z
  .string()
  .min(1)
  .max(1_000)
  .describe('A video file, a folder or pattern of images (frames/*.png), synthetic?..., or none');

const sourcePart = z.strictObject({
  files: z.union([sourceText, z.array(sourceText).min(1).max(SOURCES_MAX)]),
  sound: pathSchema.optional().describe('A sound file of its own'),
  from: durationSchema.optional().describe('On the source’s own timeline'),
  to: durationSchema.optional(),
  loop: z
    .union([z.literal(true), z.int().min(1).max(100_000)])
    .optional()
    .describe('How often it plays; true: without end'),
  at: durationSchema.optional().describe('When it begins, from the start of the scenario'),
  fps: z.number().min(0.01).max(1_000).optional().describe('Pictures a second, of a sequence of images'),
});

export const cameraSchema = z
  .union([
    sourceText,
    sourcePart,
    z
      .array(z.union([sourceText, sourcePart]))
      .min(1)
      .max(SOURCES_MAX),
  ])
  .describe('What the camera sees; a list plays one after the other');

const device = DeviceConfig.shape;

/** As in device.json, by the device's own schema; missing settings are absent. */
export const settingsSchema = z
  .strictObject({
    name: device.name.unwrap().optional(),
    disclosure: device.disclosure.unwrap().optional(),
    ring: device.ring.unwrap().optional(),
    motion: device.motion.unwrap().optional(),
    events: device.events.unwrap().optional(),
    clip: device.clip.unwrap().optional(),
    preRollS: device.preRollS.unwrap().optional(),
    postRollS: device.postRollS.unwrap().optional(),
    stateAgencies: device.stateAgencies.unwrap().optional(),
    // A detector's file may lie anywhere, and a scenario reads only its own folder.
    searchParty: device.searchParty.unwrap().omit({ model: true }).optional(),
  })
  .describe('Settings as in device.json');

const doorbellSchema = z.strictObject({
  camera: cameraSchema.optional(),
  settings: settingsSchema.optional(),
  owners: z.array(nameSchema).min(1).max(8).optional(),
  place: device.place.unwrap().optional(),
});

const agencySchema = z.strictObject({
  name: z.string().min(1).max(120).optional(),
  jurisdiction: Jurisdiction.optional(),
  domain: domainSchema.optional(),
  contact: Contact.optional(),
  profiles: registeredTerms.profiles.optional(),
  retention: registeredTerms.retention.optional(),
  standing: z.enum(AGENCY_STANDINGS).optional(),
  partner: nameSchema.optional().describe('The partner through whose channel it asks'),
});

/** A map with at most this many names. */
const names = <Value extends z.ZodType>(value: Value, most: number) =>
  z.record(nameSchema, value).refine((map) => Object.keys(map).length <= most, `has more than ${most} names`);

/** Words that an included file may have. */
export const includedShape = {
  name: z.string().min(1).max(200).optional(),
  description: z.string().max(2_000).optional(),
  tags: z.array(idSchema).max(32).optional(),
  seed: z.int().min(0).max(0xffff_ffff).optional(),
  timeout: durationSchema.optional().describe('Real time after which the run is given up; default 60s'),
  time: z.enum(['virtual', 'real']).optional(),
  start: instantSchema.optional().describe('2026-03-29T01:59:50+01:00, or 2026-03-29 01:59:50 Europe/Berlin'),
  for: durationSchema.optional().describe('How long it runs; default until footage and steps have ended'),
  camera: cameraSchema.optional(),
  settings: settingsSchema.optional(),
  doorbells: names(doorbellSchema, DOORBELLS_MAX).optional(),
  agencies: names(agencySchema, AGENCIES_MAX).optional(),
  partners: names(z.enum(PARTNER_STANDINGS), AGENCIES_MAX).optional(),
  broker: z.enum(['embedded', 'mosquitto']).optional(),
  variables: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Values by name: a dollar sign and the name in braces stand for one in any text'),
  include: z
    .union([pathSchema, z.array(pathSchema)])
    .optional()
    .describe('Files whose words this scenario takes over'),
  steps: z.array(WrittenStep).optional(),
  expect: z.array(WrittenExpectation).optional(),
} as const;

export const WrittenScenario = z.strictObject({
  ...includedShape,
  name: z.string().min(1).max(200),
  matrix: z
    .record(z.string(), z.array(z.unknown()).min(1))
    .optional()
    .describe('A variant of the scenario for each combination of these variables'),
});
/** A scenario in TypeScript. */
export type ScenarioInput = z.input<typeof WrittenScenario>;
export type WrittenScenario = z.output<typeof WrittenScenario>;
