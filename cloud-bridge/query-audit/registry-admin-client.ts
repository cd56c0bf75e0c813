// Calls of the audit to a registry, with the admin token. Answers are validated, the revocation list's signature too.

import { verifySignature } from '@doorsill/base/keys';
import { failure, TOKEN_FAULT_CODES } from '@doorsill/contract/errors';
import { idSchema, publicKeySchema } from '@doorsill/contract/ids';
import { openToken } from '@doorsill/contract/jws';
import { Revocations } from '@doorsill/contract/request';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { z } from 'zod';
import { askRegistry } from '../agencies/registry-client.ts';

// Not strict: the audit ignores the registry's other fields of an agency.
const RegisteredAgency = z.object({
  agency: idSchema,
  name: z.string().min(1).max(120),
  state: z.string().max(40),
  scopes: z.array(idSchema).max(64),
  except: z.array(z.string().max(40)).max(400).optional(),
  revision: z.int().positive(),
});
export type RegisteredAgency = z.infer<typeof RegisteredAgency>;
export type RevokedEntry = Revocations['revoked'][number];

/** Every call is safe to repeat. */
export interface RegistryAdmin {
  agencies(): Promise<RegisteredAgency[]>;
  /** Revokes one scope, or all of an agency's access (null); returns its new standing. */
  revoke(agency: string, scope: string | null): Promise<RegisteredAgency>;
  reinstate(agency: RegisteredAgency): Promise<RegisteredAgency>;
  /** The entries of the signed list. */
  revoked(): Promise<readonly RevokedEntry[]>;
}

export interface RegistryAccess {
  url: string;
  adminToken: string;
  /** Pinned key; absent: the key that the address serves. */
  key?: string;
  signal?: AbortSignal;
}

const listSchema = z.object({ agencies: z.array(RegisteredAgency), next: z.string().nullable() });
const keySchema = z.object({ key: publicKeySchema });
const tokenSchema = z.object({ revocations: z.string().max(65_536) });

const PAGE_AGENCIES = 1_000;
/** A registry has at most ten thousand agencies. */
const PAGES_MAX = 20;
/** Enough for a page of agencies. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** The registry behind an HTTP address. Calls reject with the registry's failures, `unreachable`, or `token_...` for its list. */
export function httpRegistryAdmin({ url, adminToken, key, signal }: RegistryAccess): RegistryAdmin {
  const ask = <Schema extends z.ZodType>(schema: Schema, path: string, body?: object) =>
    askRegistry(url, path, schema, {
      method: body ? 'POST' : 'GET',
      bearer: adminToken,
      answerBytesMax: ANSWER_BYTES_MAX,
      ...(body ? { body } : {}),
      ...(signal ? { signal } : {}),
    });
  return {
    agencies: async () => {
      const all: RegisteredAgency[] = [];
      let from = '';
      for (let pages = 0; pages < PAGES_MAX; pages += 1) {
        const page = await ask(listSchema, `/v1/agencies?limit=${PAGE_AGENCIES}${from}`);
        all.push(...page.agencies);
        if (page.next === null) return all;
        from = `&cursor=${page.next}`;
      }
      throw failure('unreachable', { what: 'the registry', where: url, detail: 'its list of agencies does not end' });
    },
    revoke: (agency, scope) => ask(RegisteredAgency, `/v1/agencies/${agency}/revoke`, scope === null ? {} : { scope }),
    reinstate: ({ agency, revision }) => ask(RegisteredAgency, `/v1/agencies/${agency}/reinstate`, { revision }),
    revoked: async () => {
      const pinned = key ?? (await ask(keySchema, '/v1/key')).key;
      const opened = openToken((await ask(tokenSchema, '/v1/revocations')).revocations, {
        typ: 'doorsill-revocations+jws',
        schema: Revocations,
        audience: PUBLIC_AUDIENCE,
        keys: [pinned],
        verify: verifySignature,
      });
      if (!opened.ok) throw failure(TOKEN_FAULT_CODES[opened.fault]);
      return opened.claims.revoked;
    },
  };
}
