import { z } from 'zod';
import { httpAddressSchema, serverSettings } from '../http/http-settings.ts';
import { instanceFields } from '../persistence/instance-part.ts';
import { databaseSettings } from '../persistence/postgres-address.ts';
import { S3_BYTES_MAX, S3Settings } from '../persistence/s3-bucket.ts';

const MIB = 1024 * 1024;
const DAY_S = 24 * 3600;

/** The settings of a vault, as its file names them. */
export const VaultConfig = z
  .strictObject({
    /** `dataFolder` holds key, database and evidence. */
    ...serverSettings,
    ...databaseSettings,
    /** Where officers reach the vault, if not at its listening address. Download links begin with it. */
    publicUrl: httpAddressSchema.optional(),
    tokenLifeS: z
      .int()
      .min(60)
      .max(12 * 3600)
      .default(4 * 3600),
    linkLifeS: z
      .int()
      .min(60)
      .max(30 * DAY_S)
      .default(3 * DAY_S),
    /** Requests of one client per minute. */
    requestsPerMinuteMax: z.int().positive().default(600),
    clipBytesMax: z
      .int()
      .positive()
      .default(2_048 * MIB),
    /** Space that must stay free on the disk. */
    freeBytesMin: z
      .int()
      .nonnegative()
      .default(256 * MIB),
    /** Seconds between two searches for overdue items. */
    sweepEveryS: z.int().min(1).max(3600).default(60),
    /**
     * Clips with blacked-out zones are decoded by a process without network where the system can start one. `required`: where it cannot,
     * they stay at the bridge.
     */
    decoderSandbox: z.enum(['required', 'where-possible']).default('where-possible'),
    /** The bucket for evidence. Without it evidence is in the data folder. Clips are always staged there. */
    s3: S3Settings.optional(),
    /** Set when several vaults share `database` and `s3`. */
    instance: z.strictObject(instanceFields).optional(),
  })
  .refine(
    ({ instance, database, s3 }) => !instance || (database && s3),
    'instance needs database and s3: its rows and its evidence are shared',
  )
  .refine(
    ({ s3, clipBytesMax }) => !s3 || clipBytesMax <= S3_BYTES_MAX,
    'clipBytesMax is above the largest object of a bucket',
  );
export type VaultConfig = z.infer<typeof VaultConfig>;
/** Settings before defaults are filled in. */
export type VaultConfigInput = z.input<typeof VaultConfig>;
