import { keepDaysSchema } from '@doorsill/contract/owner-settings';
import { z } from 'zod';

export const eventsSchema = z.strictObject({
  /** Days to keep past events, which show when people were at the door; 0: in memory only, until the device stops. */
  keepDays: keepDaysSchema.default(30),
});
