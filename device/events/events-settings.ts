// Owns: the schema of a device's settings for its history of events.
import { z } from 'zod';
import { keepDaysSchema } from '../contract/owner-settings.ts';

export const eventsSchema = z.strictObject({
  /** Days that past events are kept; 0: in memory alone, until the device stops. They tell when people were at the door. */
  keepDays: keepDaysSchema.default(30),
});
