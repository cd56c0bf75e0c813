// The device's settings, their defaults, and limits that depend on each other.
import { LOG_LEVELS } from '@doorsill/base/log';
import { readBySchema } from '@doorsill/base/schema-fault';
import { TlsFiles } from '@doorsill/base/tls';
import { failure } from '@doorsill/contract/errors';
import { brokerUserSchema } from '@doorsill/contract/ids';
import { keepDaysSchema, retentionSSchema } from '@doorsill/contract/owner-settings';
import { DisclosedValues } from '@doorsill/contract/shared-claims';
import { DEFAULT_DISCOVERY_PREFIX, DEFAULT_PREFIX, topicPrefixSchema } from '@doorsill/contract/topics';
import { z } from 'zod';
import { CLIP_RECODE } from './clip/clip-deps.ts';
import type { BaseSettings } from './consent/owner-settings.ts';
import { ConsoleSettings } from './console/console-settings.ts';
import { hardwareShape } from './hardware/hardware-settings.ts';
import { HomeAssistantSettings } from './home-link/home-assistant-settings.ts';
import { motionSchema } from './motion/motion-settings.ts';
import { notificationsSchema } from './notifications/notifications-settings.ts';
import { searchPartySchema } from './search-party/search-party-settings.ts';

const MIB = 1024 * 1024;

const ringSchema = z.strictObject({
  /** `memory` reduces wear of a flash card: 2 Mbit/s around the clock is 21.6 GB a day. */
  kind: z.enum(['file', 'memory']).default('file'),
  bytes: z
    .int()
    .min(8 * MIB)
    .max(1024 * 1024 * MIB)
    .default(256 * MIB),
  retentionS: retentionSSchema.default(24 * 3600),
});

const eventsSchema = z.strictObject({
  /** Days to keep past events, which show when people were at the door; 0: in memory only, until the device stops. */
  keepDays: keepDaysSchema.default(30),
});

const clipSchema = z.strictObject({
  /** `always` encodes every frame anew: slower and a little less sharp, but data that a camera hides in its slices is not sent. */
  recode: z.enum(CLIP_RECODE).default('when-needed'),
});

/** The home broker. Without `url` there is none, and owners use the device's own server alone. */
const homeSchema = z.strictObject({
  url: z
    .string()
    .regex(/^mqtts?:\/\/[^\s@]{1,200}$/, 'an mqtt:// or mqtts:// address without credentials')
    .optional(),
  user: brokerUserSchema.optional(),
  /** Optional if the client certificate is the login. */
  password: z.string().min(1).max(128).optional(),
  /** For an mqtts:// address: PEM files, relative to the device's folder. Read again at each connection. */
  tls: TlsFiles.optional(),
  prefix: topicPrefixSchema.default(DEFAULT_PREFIX),
  /** Folder of the embedded broker's account files, when this device issues its owners' accounts. */
  accounts: z.string().min(1).max(1000).optional(),
});

/** The settings of a doorbell, as device.json names them. */
export const DeviceConfig = z.strictObject({
  name: z.string().min(1).max(60).default('Front door'),
  /**
   * `file:PATH`, `rtsp://...`, `v4l2:/dev/video0`, `rpicam:`, or `synthetic` (the drawn porch, where the program brings it); options
   * follow a `?`. Its credentials are never logged.
   */
  camera: z.string().min(1).max(1000).default('synthetic'),
  /** The home's position. Never leaves the device; without it the device receives no requests. */
  place: z.strictObject({ longitude: z.number().min(-180).max(180), latitude: z.number().min(-90).max(90) }).optional(),
  /** Values that can be disclosed with a clip; each is sent only under a grant that names its key. */
  disclosure: DisclosedValues.default({}),
  ring: ringSchema.prefault({}),
  motion: motionSchema.prefault({}),
  /** The history of events, on the device. */
  events: eventsSchema.prefault({}),
  /** How granted footage is cut. */
  clip: clipSchema.prefault({}),
  ...hardwareShape,
  /** Seconds kept before and after a press or motion as one event window. */
  preRollS: z.int().min(0).max(60).default(4),
  postRollS: z.int().min(1).max(60).default(6),
  /** Looking for lost pets among this home's own motion events, on the device. */
  searchParty: searchPartySchema.prefault({}),
  home: homeSchema.prefault({}),
  /** The doorbell in Home Assistant, over the home broker. */
  homeAssistant: HomeAssistantSettings.prefault({}),
  /** URLs that receive notifications of events. */
  notifications: notificationsSchema,
  /** The device's own HTTP server, which shows owners its pictures and takes their orders; off unless set. */
  console: ConsoleSettings.prefault({}),
  /** Address of the bridge (`areaUrl`: of the area broker) if it has moved since enrolment. The pinned keys stay. */
  bridgeUrl: z
    .url({ protocol: /^https?$/ })
    .max(200)
    .optional(),
  /** As `home.tls`, for a bridge at an https:// address. */
  bridgeTls: TlsFiles.optional(),
  areaUrl: z
    .string()
    .regex(/^mqtts?:\/\/[^\s@]{1,200}$/)
    .optional(),
  /** As `home.tls`, for the area broker; its certificate authority comes from enrolment unless it is set here. */
  areaTls: TlsFiles.optional(),
  /** Accept requests by state agencies, too; those of federal agencies are never accepted. */
  stateAgencies: z.boolean().default(false),
  logLevel: z.enum(LOG_LEVELS).default('info'),
});
export type DeviceConfig = z.infer<typeof DeviceConfig>;
/** A configuration file's content before defaults are filled in. */
export type DeviceConfigInput = z.input<typeof DeviceConfig>;

/** The settings that owners may change by an order, as device.json sets them, and the limits of such changes. */
export function baseSettings({ disclosure, motion, ring, events, preRollS, postRollS }: DeviceConfig): BaseSettings {
  return {
    disclosure,
    motion,
    ring: { retentionS: ring.retentionS, retentionSMin: preRollS + postRollS, bytes: ring.bytes },
    events: { keepDays: events.keepDays },
  };
}

/** Checks settings from `file` (named in the error); throws `config_invalid`. */
export function parseDeviceConfig(input: unknown, file: string): DeviceConfig {
  const read = readBySchema(DeviceConfig, input);
  if (!read.ok) throw failure('config_invalid', { file, detail: read.fault });
  const config = read.data;
  const homeFault = faultOfHome(config);
  if (homeFault !== null) throw failure('config_invalid', { file, detail: homeFault });
  if (config.areaTls && config.areaUrl?.startsWith('mqtt:')) {
    throw failure('config_invalid', { file, detail: 'areaTls is set, but areaUrl is not mqtts://' });
  }
  if (config.bridgeTls && config.bridgeUrl?.startsWith('http:')) {
    throw failure('config_invalid', { file, detail: 'bridgeTls is set, but bridgeUrl is not https://' });
  }
  if (config.console.announce.enabled && config.console.listen !== 'home-network') {
    const detail =
      'console.announce is on, but console.listen is not home-network: nobody could follow the announcement';
    throw failure('config_invalid', { file, detail });
  }
  const eventS = config.preRollS + config.postRollS;
  if (config.ring.retentionS < eventS) {
    const detail = `ring.retentionS ${config.ring.retentionS} is shorter than preRollS + postRollS (${eventS})`;
    throw failure('config_invalid', { file, detail });
  }
  return config;
}

/** What is wrong with the settings of the home broker, or with having none; null where they fit. */
function faultOfHome({ home, homeAssistant, console: { listen } }: DeviceConfig): string | null {
  const { url, user, password, tls, accounts } = home;
  if (url === undefined) {
    if (user !== undefined || password !== undefined || tls !== undefined || accounts !== undefined)
      return 'home names an account, but no broker: home.url is missing';
    if (homeAssistant.enabled) return 'homeAssistant is on, which needs a broker: home.url is missing';
    return listen === 'off'
      ? 'home.url names no broker, and console.listen is off: no owner could reach the doorbell'
      : null;
  }
  if (user === undefined) return 'home.url names a broker, but home.user is missing';
  if (password === undefined && tls?.certificate === undefined)
    return 'home has neither a password nor a tls.certificate to log in with';
  if (tls && !url.startsWith('mqtts:')) return 'home.tls is set, but home.url is not mqtts://';
  if (accounts !== undefined && homeAssistant.discoveryPrefix !== DEFAULT_DISCOVERY_PREFIX)
    return `homeAssistant.discoveryPrefix is not ${DEFAULT_DISCOVERY_PREFIX}, all that a broker with home.accounts serves`;
  return null;
}
