// Owns: the registry's settings and their limits. Not here: what they do.
import { z } from 'zod';
import { CREDENTIAL_LIFE_S_MAX } from '../../device/protocol/request.ts';

export const registryConfigSchema = z.strictObject({
  /** Absolute path of the folder that holds the key, the book and the admin token. */
  dataFolder: z.string().min(1).max(1_000),
  http: z
    .strictObject({
      host: z.string().min(1).max(253).default('127.0.0.1'),
      port: z.int().min(0).max(65_535).default(0),
    })
    .prefault({}),
  /** Serve state agencies too. Federal ones are never served. */
  stateAgencies: z.boolean().default(false),
  credentialLifeS: z
    .int()
    .min(60)
    .max(CREDENTIAL_LIFE_S_MAX)
    .default(6 * 3600),
  /** Devices refuse a list that claims to live longer than a day. */
  revocationsLifeS: z.int().min(60).max(CREDENTIAL_LIFE_S_MAX).default(CREDENTIAL_LIFE_S_MAX),
});
export type RegistryConfig = z.infer<typeof registryConfigSchema>;
/** Settings before defaults are filled in. */
export type RegistryConfigInput = z.input<typeof registryConfigSchema>;
