// Owns: the registry's settings and their limits. Not here: what they do.
import { z } from 'zod';
import { idSchema } from '../../device/protocol/ids.ts';
import { areaPrefixSchema, CREDENTIAL_LIFE_S_MAX } from '../../device/protocol/request.ts';
import { custodySettings, serverSettings } from '../http/settings.ts';
import { databaseSettings } from '../persistence/postgres-address.ts';
import { PROOF_KINDS } from './domain-proof.ts';

export const registryConfigSchema = z.strictObject({
  /** `dataFolder` holds the key and the admin token; the book and the log of its changes, too, unless a `database` does. */
  ...serverSettings,
  ...databaseSettings,
  custody: custodySettings,
  /** Serve state agencies too. Federal ones are never served. */
  stateAgencies: z.boolean().default(false),
  /** Names that a rule takes for a federal agency's and a person knows better, letter by letter. */
  namesAllowed: z.array(z.string().min(1).max(120)).max(1_000).default([]),
  /**
   * A file with the domains of local governments, in the format of CISA's list of .gov domains, in place of the small one that
   * is shipped. Relative to `dataFolder`.
   */
  localGovernments: z.string().min(1).max(4_096).optional(),
  /** How an agency may prove its domain, tried in this order. `local`: files that the operator puts into `domains/`. */
  domainProofs: z
    .array(z.enum(PROOF_KINDS))
    .max(PROOF_KINDS.length)
    .default([...PROOF_KINDS]),
  /** Areas by name, such as a county, as beginnings of cells' names: a scope `area-NAME` is about the homes in them. */
  areas: z.record(idSchema, z.array(areaPrefixSchema).min(1).max(64)).default({}),
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
