import { z } from 'zod';
import { DeviceState } from './home-messages.ts';
import { idSchema } from './ids.ts';
import type { HomeAssistantOrder, HomeAssistantState } from './topics.ts';

/** The only payload of each order. */
export const ORDER_PAYLOADS = { press: 'PRESS', privacy: 'ON' } as const satisfies Record<HomeAssistantOrder, string>;

const onOffSchema = z.enum(['ON', 'OFF']);

/** The payload of each topic: JSON for `ring`, plain text for the others. */
export const homeAssistantStateSchemas = {
  ring: z.strictObject({ event_type: z.literal('ring'), button: idSchema }),
  motion: onOffSchema,
  privacy: onOffSchema,
  /** How many requests wait for an owner's answer; never which, nor what they ask for. */
  requests: z.string().regex(/^(0|[1-9]\d{0,3})$/),
  storage: DeviceState.shape.storage.shape.state,
} as const satisfies Record<HomeAssistantState, z.ZodType>;
