// The settings of Home Assistant.
import { DEFAULT_DISCOVERY_PREFIX, topicPrefixSchema } from '@doorsill/contract/topics';
import { z } from 'zod';

export const HomeAssistantSettings = z.strictObject({
  /** While off, nothing is published for Home Assistant, and everything published earlier is removed. */
  enabled: z.boolean().default(false),
  /** As in Home Assistant's own MQTT settings. */
  discoveryPrefix: topicPrefixSchema.default(DEFAULT_DISCOVERY_PREFIX),
  /** A button that rings the bell. Its message is unsigned: everyone who may publish at the broker can send it. */
  allowPress: z.boolean().default(true),
  /**
   * A button that turns privacy on. Its message is unsigned, too: everyone who may publish at the broker can stop the recording.
   * Only an owner's signed command turns privacy off.
   */
  allowPrivacyButton: z.boolean().default(false),
});
export type HomeAssistantSettings = z.infer<typeof HomeAssistantSettings>;
