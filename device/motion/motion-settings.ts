// The schema of `motion` in device.json.
import { motionZonesSchema, sensitivitySchema } from '@doorsill/contract/owner-settings';
import { z } from 'zod';

export const motionSchema = z.strictObject({
  enabled: z.boolean().default(true),
  /** 1 (only large, lasting motion) to 100. */
  sensitivity: sensitivitySchema.default(65),
  /** Rectangles or polygons in ten-thousandths of the picture; none: everywhere. */
  zones: motionZonesSchema.default([]),
});
