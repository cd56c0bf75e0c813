// The bridge's settings as a whole, and limits that depend on each other. Each part has its own *-settings.ts.

import { readBySchema } from '@doorsill/base/schema-fault';
import { TlsFiles } from '@doorsill/base/tls';
import { failure } from '@doorsill/contract/errors';
import { publicKeySchema } from '@doorsill/contract/ids';
import { DEFAULT_PREFIX, topicPrefixSchema } from '@doorsill/contract/topics';
import { z } from 'zod';
import { custodySettings, httpAddressSchema, serverSettings } from './http/http-settings.ts';
import { IntakeRules } from './intake/intake-settings.ts';
import { UnencryptedClips } from './intake/unencrypted-clips.ts';
import { instanceFields } from './persistence/instance-part.ts';
import { databaseSettings } from './persistence/postgres-address.ts';
import { S3_BYTES_MAX, S3Settings } from './persistence/s3-bucket.ts';
import { RequestRules } from './requests/requests-settings.ts';
import { SearchRules } from './search-party/search-party-settings.ts';
import { WebhookRules } from './webhooks/webhooks-settings.ts';

const HOUR_S = 3600;

const vaultSchema = z.strictObject({
  /** The vault's address and its pinned key: only what is signed with that key lets the bridge erase its own copy. */
  url: httpAddressSchema,
  key: publicKeySchema,
  /** Longest wait for an answer, or for the vault to accept the next piece of a clip. */
  answerSMax: z.number().positive().max(3600).default(60),
  retryMsFirst: z.int().positive().default(500),
  retryMsMost: z
    .int()
    .positive()
    .max(HOUR_S * 1000)
    .default(60_000),
});

/** For one of several bridges on one database and one bucket. Its data folder then holds staged uploads and nothing permanent. */
const instanceSchema = z.strictObject({
  /** `name` is part of its uploads' addresses. */
  ...instanceFields,
  /** The bucket that stores clips. */
  s3: S3Settings,
});

/** The settings of a bridge, as its file names them. */
export const BridgeConfig = z
  .strictObject({
    /** `dataFolder` holds key, database, staging and clips. */
    ...serverSettings,
    ...databaseSettings,
    /** Set when several bridges share `database`. */
    instance: instanceSchema.optional(),
    /** Where devices reach the bridge, if not at its own listening address (behind a proxy with TLS). */
    publicUrl: httpAddressSchema.optional(),
    /** The registry's address and the pinned key that must have signed its answers. */
    registry: z.strictObject({ url: httpAddressSchema, key: publicKeySchema }),
    area: z.strictObject({
      /** The area broker as devices reach it. */
      url: z.string().regex(/^mqtts?:\/\/[^\s@]{1,200}$/, 'an mqtt:// or mqtts:// address without credentials'),
      prefix: topicPrefixSchema.default(DEFAULT_PREFIX),
      /** For an mqtts:// address: PEM files, relative to the data folder. Devices receive its `ca` when they enrol. */
      tls: TlsFiles.optional(),
      /** Folder of the broker's accounts; the bridge creates its own and the devices' there. */
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
    requests: RequestRules.prefault({}),
    searchParty: SearchRules.prefault({}),
    intake: IntakeRules.prefault({}),
    webhooks: WebhookRules.prefault({}),
    /**
     * Clips that are not encrypted to their recipient, so that the bridge can read them. `refused`: none is taken in, and neither requests
     * nor searches that name no key for encrypting clips are published.
     */
    unencryptedClips: UnencryptedClips.default('admitted'),
    /** The vault that stored clips are handed over to. Without it they stay at the bridge. */
    vault: vaultSchema.optional(),
  })
  .refine(({ instance, database }) => !instance || database, 'instance needs database: its rows are shared')
  .refine(
    ({ instance, documentLifeS, republishS }) => !instance || documentLifeS >= 2 * republishS,
    'documentLifeS must be twice republishS where instances publish in turn',
  )
  .refine(
    ({ instance, intake }) => !instance || intake.clipBytesMax <= S3_BYTES_MAX,
    'clipBytesMax is above the largest object of a bucket',
  )
  .refine(({ area }) => !area.tls || area.url.startsWith('mqtts:'), 'area.tls is set, but area.url is not mqtts://')
  .refine((config) => config.documentLifeS > config.republishS, 'documentLifeS must be longer than republishS')
  .refine(
    ({ intake }) => intake.clipBytesMax <= Math.min(intake.openBytesPerDeviceMax, intake.dayBytesPerDeviceMax),
    'clipBytesMax is above the upload limits of one device',
  )
  .refine((config) => config.requests.windowSMin <= config.requests.windowSMax, 'windowSMin is above windowSMax')
  .refine((config) => config.requests.areaM2Min <= config.requests.areaM2Max, 'areaM2Min is above areaM2Max');
export type BridgeConfig = z.infer<typeof BridgeConfig>;
/** Settings before defaults are filled in. */
export type BridgeConfigInput = z.input<typeof BridgeConfig>;

/** Checks settings from `file` (named in the error); throws `config_invalid`. */
export function parseConfig<Schema extends z.ZodType>(schema: Schema, input: unknown, file: string): z.infer<Schema> {
  const read = readBySchema(schema, input);
  if (read.ok) return read.data;
  throw failure('config_invalid', { file, detail: read.fault });
}
