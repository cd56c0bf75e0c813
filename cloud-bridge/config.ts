// Owns: the bridge's settings, their defaults from public practice, and limits that depend on each other.
// Not here: what they do.
import { z } from 'zod';
import { tlsFilesSchema } from '../device/base/tls.ts';
import { failure } from '../device/protocol/errors.ts';
import { publicKeySchema } from '../device/protocol/ids.ts';
import { SEARCH_LIFE_S_MAX } from '../device/protocol/search.ts';
import { DEFAULT_PREFIX, topicPrefixSchema } from '../device/protocol/topics.ts';
import { databaseSettings } from './database/postgres-address.ts';
import { custodySettings, httpAddressSchema, serverSettings } from './http/settings.ts';

const MIB = 1024 * 1024;
const HOUR_S = 3600;

const requestRulesSchema = z.strictObject({
  windowSMin: z
    .int()
    .positive()
    .default(15 * 60),
  windowSMax: z
    .int()
    .positive()
    .default(12 * HOUR_S),
  /** 0.025 to 0.5 square miles, in square metres. */
  areaM2Min: z.int().positive().default(64_750),
  areaM2Max: z.int().positive().default(1_294_994),
  lifeSMax: z
    .int()
    .positive()
    .max(30 * 24 * HOUR_S)
    .default(7 * 24 * HOUR_S),
  postsPerInvestigation: z.int().positive().default(2),
  /** A contact's email must be at the agency's own domain. */
  officialEmailOnly: z.boolean().default(true),
  openPerCellMax: z.int().positive().max(99).default(60),
  /** Drafts and requests in moderation that one agency may have at once. */
  waitingPerAgencyMax: z.int().positive().default(50),
  /** Which requests a moderator looks at before they are published: all, those in whose words something was found, or none. */
  moderation: z.enum(['everything', 'findings', 'nothing']).default('everything'),
  stateAgencies: z.boolean().default(false),
});
export type RequestRules = z.infer<typeof requestRulesSchema>;

const intakeRulesSchema = z.strictObject({
  clipBytesMax: z
    .int()
    .positive()
    .default(2_048 * MIB),
  /** Intakes of one device that wait for their bytes. */
  openPerDeviceMax: z.int().positive().default(20),
  /** Bytes announced by one device and not stored yet. */
  openBytesPerDeviceMax: z
    .int()
    .positive()
    .default(8_192 * MIB),
  /** Bytes that one device may bring in a day: its owner can grant without end, and the disk is everybody's. */
  dayBytesPerDeviceMax: z
    .int()
    .positive()
    .default(16_384 * MIB),
  /** Space that must stay free on the disk. */
  freeBytesMin: z
    .int()
    .nonnegative()
    .default(256 * MIB),
  /** How often one clip's upload may start over. */
  creationsMax: z.int().positive().default(200),
  uploadTokenLifeSMax: z
    .int()
    .positive()
    .default(24 * HOUR_S),
});
export type IntakeRules = z.infer<typeof intakeRulesSchema>;

export const searchRulesSchema = z.strictObject({
  /** A search lives a few hours. */
  lifeSMax: z
    .int()
    .min(60)
    .max(SEARCH_LIFE_S_MAX)
    .default(6 * HOUR_S),
  /** Searches that one home may have open, and post in a day. */
  openPerHome: z.int().positive().max(10).default(1),
  postsPerDay: z.int().positive().max(100).default(3),
  /** What a device takes in is bounded; and each one has a photo. */
  openPerCellMax: z.int().positive().max(40).default(20),
});
export type SearchRules = z.infer<typeof searchRulesSchema>;
const webhookRulesSchema = z
  .strictObject({
    /** Whether webhooks may be on this machine, then also without TLS: for trying things out. */
    loopback: z.boolean().default(false),
    /** How often events that wait are looked at. */
    everyS: z.number().positive().max(HOUR_S).default(5),
    answerSMax: z.number().positive().max(60).default(10),
    retrySFirst: z.int().positive().max(HOUR_S).default(30),
    retrySMost: z
      .int()
      .positive()
      .max(24 * HOUR_S)
      .default(6 * HOUR_S),
    /** After so many attempts an event is given up. */
    attemptsMax: z.int().positive().max(100).default(14),
  })
  .refine(({ retrySFirst, retrySMost }) => retrySFirst <= retrySMost, 'retrySFirst is above retrySMost');
export type WebhookRules = z.infer<typeof webhookRulesSchema>;

const vaultSchema = z.strictObject({
  /** The vault's address and its key, pinned: only what is signed with it lets the bridge erase its own copy. */
  url: httpAddressSchema,
  key: publicKeySchema,
  /** An answer, or the next piece of a clip being taken, may take this long. */
  answerSMax: z.number().positive().max(3600).default(60),
  retryMsFirst: z.int().positive().default(500),
  retryMsMost: z
    .int()
    .positive()
    .max(HOUR_S * 1000)
    .default(60_000),
});

export const bridgeConfigSchema = z
  .strictObject({
    /** `dataFolder` holds key, database, staging and clips. */
    ...serverSettings,
    ...databaseSettings,
    /** Where devices reach the bridge, when that is not its own listening address (a proxy with TLS). */
    publicUrl: httpAddressSchema.optional(),
    /** The registry's address and its key, pinned: whatever answers there must have signed with it. */
    registry: z.strictObject({ url: httpAddressSchema, key: publicKeySchema }),
    area: z.strictObject({
      /** The area broker as devices reach it. */
      url: z.string().regex(/^mqtts?:\/\/[^\s@]{1,200}$/, 'an mqtt:// or mqtts:// address without credentials'),
      prefix: topicPrefixSchema.default(DEFAULT_PREFIX),
      /** For an mqtts:// address: PEM files, relative to the data folder. Devices are told its `ca` when they enrol. */
      tls: tlsFilesSchema.optional(),
      /** Folder of the broker's accounts, where the bridge issues its own and the devices'. */
      accounts: z.string().min(1).max(1_000),
    }),
    republishS: z
      .int()
      .min(1)
      .max(24 * HOUR_S)
      .default(600),
    documentLifeS: z
      .int()
      .min(60)
      .max(24 * HOUR_S)
      .default(HOUR_S),
    revocationsEveryS: z.int().min(1).max(HOUR_S).default(60),
    enrolmentCodeLifeS: z
      .int()
      .min(60)
      .max(7 * 24 * HOUR_S)
      .default(HOUR_S),
    custody: custodySettings,
    requests: requestRulesSchema.prefault({}),
    searchParty: searchRulesSchema.prefault({}),
    intake: intakeRulesSchema.prefault({}),
    webhooks: webhookRulesSchema.prefault({}),
    /** Where stored clips are handed to. Without it they stay at the bridge. */
    vault: vaultSchema.optional(),
  })
  .refine(({ area }) => !area.tls || area.url.startsWith('mqtts:'), 'area.tls is set, but area.url is not mqtts://')
  .refine((config) => config.documentLifeS > config.republishS, 'documentLifeS must be longer than republishS')
  .refine(
    ({ intake }) => intake.clipBytesMax <= Math.min(intake.openBytesPerDeviceMax, intake.dayBytesPerDeviceMax),
    'clipBytesMax is above what one device may bring',
  )
  .refine((config) => config.requests.windowSMin <= config.requests.windowSMax, 'windowSMin is above windowSMax')
  .refine((config) => config.requests.areaM2Min <= config.requests.areaM2Max, 'areaM2Min is above areaM2Max');
export type BridgeConfig = z.infer<typeof bridgeConfigSchema>;
/** Settings before defaults are filled in. */
export type BridgeConfigInput = z.input<typeof bridgeConfigSchema>;

/** Checks settings from `file` (named in the error); throws `config_invalid`. */
export function parseConfig<Schema extends z.ZodType>(schema: Schema, input: unknown, file: string): z.infer<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw failure('config_invalid', { file, detail: z.prettifyError(parsed.error).replaceAll('\n', ' ') });
}
