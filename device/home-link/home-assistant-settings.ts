// Owns: the settings of what Home Assistant is told and may ask for. Not here: the topics and messages (home-assistant.ts).

import { DEFAULT_DISCOVERY_PREFIX, topicPrefixSchema } from '@doorsill/contract/topics';
import { z } from 'zod';

export const HomeAssistantSettings = z.strictObject({
  /** Off: nothing for Home Assistant is ever published, and what an earlier start published is removed. */
  enabled: z.boolean().default(false),
  /** As in Home Assistant's own MQTT settings. */
  discoveryPrefix: topicPrefixSchema.default(DEFAULT_DISCOVERY_PREFIX),
  /** A button that rings the bell. Its message is unsigned, so whoever may publish at the broker can send it. */
  allowPress: z.boolean().default(true),
  /**
   * A button that turns privacy on. Unsigned, too: whoever may publish at the broker can blind the door with it. Only an
   * owner's signed command turns privacy off.
   */
  allowPrivacyButton: z.boolean().default(false),
});
export type HomeAssistantSettings = z.infer<typeof HomeAssistantSettings>;
