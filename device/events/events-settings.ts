// Owns: the schema of a device's settings for its history of events.

import { keepDaysSchema } from '@doorsill/contract/owner-settings';
import { z } from 'zod';

export const eventsSchema = z.strictObject({
  /** Days that past events are kept; 0: in memory alone, until the device stops. They tell when people were at the door. */
  keepDays: keepDaysSchema.default(30),
});
