// Owns: the schema of a device's motion settings.
import { z } from 'zod';
import { motionZoneSchema, ZONES_MAX } from './zones.ts';

export const motionSchema = z.strictObject({
  enabled: z.boolean().default(true),
  /** 1 (only large, lasting motion) to 100. */
  sensitivity: z.int().min(1).max(100).default(50),
  /** Rectangles or polygons in ten-thousandths of the picture; none: everywhere. */
  zones: z.array(motionZoneSchema).max(ZONES_MAX).default([]),
});
