// The settings that owners may change by a signed order. Their limits in device.json are the same. All other settings: device/config.ts.
import { z } from 'zod';
import { idSchema } from './ids.ts';
import { DisclosedValues, DisclosureKey, eachFact, Zone } from './shared-claims.ts';

const tenThousandths = z.int().min(0).max(10_000);

/** A polygon in ten-thousandths of the picture's width and height: 3 to 32 corners, closed by itself. */
const polygonZoneSchema = z.strictObject({
  corners: z
    .array(z.strictObject({ x: tenThousandths, y: tenThousandths }))
    .min(3)
    .max(32),
});

/** A named rectangle or polygon. Motion events carry the name. */
export const MotionZone = z.strictObject({ name: idSchema, zone: z.union([Zone, polygonZoneSchema]) });
export type MotionZone = z.infer<typeof MotionZone>;

/** The most zones that an event can name. Motion detection has a bit for each in its masks. */
export const ZONES_MAX = 16;
/** All zones of one doorbell. */
export const motionZonesSchema = z.array(MotionZone).max(ZONES_MAX);

/** 1 (only large, lasting motion) to 100. */
export const sensitivitySchema = z.int().min(1).max(100);

/** Seconds that footage is kept. */
export const retentionSSchema = z
  .int()
  .min(10)
  .max(365 * 24 * 3600);

/** Days that past events are kept; 0: only in memory, until the device stops. */
export const keepDaysSchema = z.int().min(0).max(3_650);

/** A value, or '' for none. */
const orNothing = <S extends z.ZodType>(value: S) => z.union([value, z.literal('')]);

/**
 * The settings that an order changes; the others stay. `null` goes back to device.json's value; a disclosed value of '' is none at all,
 * whatever device.json says.
 */
export const SettingsChange = z
  .strictObject({
    disclosure: z.strictObject(eachFact((text) => orNothing(text).nullable().optional())).optional(),
    motion: z
      .strictObject({
        sensitivity: sensitivitySchema.nullable().optional(),
        zones: motionZonesSchema.nullable().optional(),
      })
      .optional(),
    ring: z.strictObject({ retentionS: retentionSSchema.nullable().optional() }).optional(),
    events: z.strictObject({ keepDays: keepDaysSchema.nullable().optional() }).optional(),
  })
  .refine(
    (change) => Object.values(change).some((part) => part !== undefined && Object.keys(part).length > 0),
    'an order changes at least one setting',
  );
export type SettingsChange = z.infer<typeof SettingsChange>;

/** Each setting by the path it has in device.json, in a fixed order. */
export const OwnerSettingPath = z.enum([
  ...DisclosureKey.options.map((key) => `disclosure.${key}` as const),
  'motion.sensitivity',
  'motion.zones',
  'ring.retentionS',
  'events.keepDays',
]);
export type OwnerSettingPath = z.infer<typeof OwnerSettingPath>;

/** The values in force, where each comes from, and the limits of a change. */
export const SettingsInForce = z.strictObject({
  disclosure: DisclosedValues,
  motion: z.strictObject({
    /** Whether device.json enables motion detection. */
    enabled: z.boolean(),
    sensitivity: sensitivitySchema,
    zones: motionZonesSchema,
  }),
  ring: z.strictObject({
    retentionS: retentionSSchema,
    /** Least retention: pre-roll and post-roll of one event. */
    retentionSMin: z.int().positive(),
    bytes: z.int().positive(),
  }),
  events: z.strictObject({ keepDays: keepDaysSchema }),
  /** Settings that an owner's order has set; all others are device.json's. */
  byOwners: z.array(OwnerSettingPath),
});
export type SettingsInForce = z.infer<typeof SettingsInForce>;

/** The answer of the device's own server to an owner. */
export const SettingsAnswer = SettingsInForce.extend({
  /** The device's folder on its own machine, and how to call the command line there. */
  dataFolder: z.string().max(4_096),
  program: z.string().max(600),
});
export type SettingsAnswer = z.infer<typeof SettingsAnswer>;
