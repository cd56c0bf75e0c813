import { idSchema } from '@doorsill/contract/ids';
import { areaPrefixSchema } from '@doorsill/contract/request';
import { LIFE_S_MAX } from '@doorsill/contract/shared-claims';
import { z } from 'zod';
import { custodySettings, serverSettings } from '../http/http-settings.ts';
import { instanceFields } from '../persistence/instance-part.ts';
import { databaseSettings } from '../persistence/postgres-address.ts';
import { PROOF_KINDS } from './domain-proof.ts';

/** Schema of a registry's settings file. */
export const RegistryConfig = z
  .strictObject({
    /** `dataFolder` holds the key and the admin token, and, without `database`, also the book and the log of its changes. */
    ...serverSettings,
    ...databaseSettings,
    /** Set when several registries share `database`. The folder `domains/` is then in `secretsFolder`. */
    instance: z.strictObject(instanceFields).optional(),
    custody: custodySettings,
    /** Serve state agencies too. Federal ones are never served. */
    stateAgencies: z.boolean().default(false),
    /** Names, in exact spelling, that a rule mistakes for a federal agency's and a person has cleared. */
    namesAllowed: z.array(z.string().min(1).max(120)).max(1_000).default([]),
    /**
     * File with the domains of local governments, in the format of CISA's list of .gov domains; replaces the small list that is shipped.
     * Relative to `dataFolder`.
     */
    localGovernments: z.string().min(1).max(4_096).optional(),
    /** How an agency may prove its domain, tried in this order. `local`: files that the operator puts into `domains/`. */
    domainProofs: z
      .array(z.enum(PROOF_KINDS))
      .max(PROOF_KINDS.length)
      .default([...PROOF_KINDS]),
    /** Named areas, such as a county, as prefixes of cell names: a scope `area-NAME` is about the homes in them. */
    areas: z.record(idSchema, z.array(areaPrefixSchema).min(1).max(64)).default({}),
    credentialLifeS: z
      .int()
      .min(60)
      .max(LIFE_S_MAX.credential)
      .default(6 * 3600),
    /** Devices refuse a list whose lifetime exceeds a day. */
    revocationsLifeS: z.int().min(60).max(LIFE_S_MAX.credential).default(LIFE_S_MAX.credential),
  })
  .refine(({ instance, database }) => !instance || database, 'instance needs database: its rows are shared');
export type RegistryConfig = z.infer<typeof RegistryConfig>;
/** Settings before defaults are filled in. */
export type RegistryConfigInput = z.input<typeof RegistryConfig>;
