// registry-credentials.ts verifies the signature of every answer.

import { failure } from '@doorsill/contract/errors';
import { exchangeJson, type JsonRequest } from '@doorsill/contract/json-client';
import { z } from 'zod';

/** Source of the registry's signed documents. */
export interface RegistryClient {
  /** The agency's fresh credential. Rejects with the registry's own failure, or `unreachable`. */
  credential(agency: string): Promise<string>;
  /** The revocation list. Rejects with `unreachable`. */
  revocations(): Promise<string>;
}

const credentialAnswerSchema = z.object({ credential: z.string().max(4_096) });
const revocationsAnswerSchema = z.object({ revocations: z.string().max(65_536) });

/** One call to the registry at `url`. Rejects with the registry's own failure, or `unreachable`, also for an answer of another shape. */
export async function askRegistry<Schema extends z.ZodType>(
  url: string,
  path: string,
  schema: Schema,
  request: JsonRequest,
): Promise<z.infer<Schema>> {
  const base = url.replace(/\/$/, '');
  const answer = schema.safeParse(await exchangeJson(`${base}${path}`, request));
  if (answer.success) return answer.data;
  throw failure('unreachable', { what: 'the registry', where: base, detail: 'its answer is not one of a registry' });
}

/** The registry behind an HTTP address; `signal` aborts running calls. */
export function httpRegistryClient(url: string, signal: AbortSignal): RegistryClient {
  const ask = <Schema extends z.ZodType>(path: string, schema: Schema) =>
    askRegistry(url, path, schema, { method: 'GET', signal });
  return {
    credential: async (agency) => (await ask(`/v1/credentials/${agency}`, credentialAnswerSchema)).credential,
    revocations: async () => (await ask('/v1/revocations', revocationsAnswerSchema)).revocations,
  };
}
