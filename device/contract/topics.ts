import { z } from 'zod';
import { idSchema } from './ids.ts';

/**
 * The version of the contract as AsyncAPI publishes it. Since 2, commands, receipts and state name the device's last accepted order, ids of
 * requests and searches carry their kind, and a grant can name `clipSha256`.
 */
export const CONTRACT_VERSION = '2';

/** The default topic prefix; each link's can be set in the configuration. */
export const DEFAULT_PREFIX = 'doorsill/v1';

/** A topic prefix: levels as in an id, so that it can hold no wildcard and can't begin with `$`. */
export const topicPrefixSchema = z.string().regex(/^[a-z0-9][a-z0-9/-]{0,60}[a-z0-9]$/);

/** Payload limit on every topic, in bytes. */
export const PAYLOAD_BYTES_MAX = 65_536;

/** An owner's answers to a request, each with a topic of its own. */
export const ConsentAction = z.enum(['grant', 'deny', 'revoke']);
export type ConsentAction = z.infer<typeof ConsentAction>;

/** Home Assistant's default prefix of the topics for discovery and for its own status. */
export const DEFAULT_DISCOVERY_PREFIX = 'homeassistant';

/** States for Home Assistant, one topic each. All but `ring` are retained: a press is an event, not a state. */
export const HomeAssistantState = z.enum(['ring', 'motion', 'privacy', 'requests', 'storage']);
export type HomeAssistantState = z.infer<typeof HomeAssistantState>;

/** Home Assistant's orders, where the settings allow them. They are unsigned, so they disclose nothing and unlock nothing. */
export const HomeAssistantOrder = z.enum(['press', 'privacy']);
export type HomeAssistantOrder = z.infer<typeof HomeAssistantOrder>;

/** Topics under Home Assistant's own prefix. */
export const discoveryTopics = {
  document: (discoveryPrefix: string, device: string) => `${discoveryPrefix}/device/${device}/config`,
  /** Home Assistant's birth and will. */
  homeAssistantStatus: (discoveryPrefix: string) => `${discoveryPrefix}/status`,
} as const;

/** Builds every topic under a prefix; ids are checked by the schemas that they come from. */
export function topicsUnder(prefix: string) {
  const home = (device: string) => `${prefix}/home/${device}`;
  return {
    status: (device: string) => `${home(device)}/status`,
    state: (device: string) => `${home(device)}/state`,
    event: (device: string) => `${home(device)}/event`,
    request: (device: string) => `${home(device)}/request`,
    sighting: (device: string) => `${home(device)}/sighting`,
    receipt: (device: string) => `${home(device)}/receipt`,
    upload: (device: string) => `${home(device)}/upload`,
    command: (device: string) => `${home(device)}/command`,
    homeAssistantState: (device: string, name: HomeAssistantState) => `${home(device)}/ha/${name}`,
    homeAssistantOrder: (device: string, name: HomeAssistantOrder) => `${home(device)}/ha/set/${name}`,
    consent: (device: string, request: string, action: ConsentAction) => `${home(device)}/consent/${request}/${action}`,
    /** The device's own filter over all consent topics. Nothing retained is ever read through a wildcard. */
    consentFilter: (device: string) => `${home(device)}/consent/+/+`,
    areaRequests: (cell: string, part: number) =>
      part === 1 ? `${prefix}/area/${cell}/requests` : `${prefix}/area/${cell}/requests/${part}`,
    areaSearches: (cell: string, part: number) =>
      part === 1 ? `${prefix}/area/${cell}/searches` : `${prefix}/area/${cell}/searches/${part}`,
    revocations: `${prefix}/area/revocations`,
  } as const;
}

/** Splits a consent topic; null when it is not one of `device`'s. */
export function parseConsentTopic(
  prefix: string,
  device: string,
  topic: string,
): { request: string; action: ConsentAction } | null {
  const start = `${prefix}/home/${device}/consent/`;
  if (!topic.startsWith(start)) return null;
  const [request = '', action = '', ...rest] = topic.slice(start.length).split('/');
  const known = ConsentAction.options.find((name) => name === action);
  return rest.length === 0 && known && idSchema.safeParse(request).success ? { request, action: known } : null;
}
