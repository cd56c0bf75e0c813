// Owns: asking the registry over HTTP. Not here: believing the answers (standing.ts checks every signature).
import { z } from 'zod';
import { failure } from '../../device/protocol/errors.ts';
import { exchangeJson } from '../../device/protocol/problem.ts';

/** Where signed documents of the registry come from. */
export interface RegistryClient {
  /** The agency's fresh credential. Rejects with the registry's own failure, or `unreachable`. */
  credential(agency: string): Promise<string>;
  /** The revocation list. Rejects with `unreachable`. */
  revocations(): Promise<string>;
}

const credentialAnswerSchema = z.object({ credential: z.string().max(4_096) });
const revocationsAnswerSchema = z.object({ revocations: z.string().max(65_536) });

/** The registry behind an HTTP address; `signal` ends what is under way. */
export function httpRegistryClient(url: string, signal: AbortSignal): RegistryClient {
  const base = url.replace(/\/$/, '');
  const ask = async <Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.infer<Schema>> => {
    const answer = schema.safeParse(await exchangeJson(`${base}${path}`, { method: 'GET', signal }));
    if (answer.success) return answer.data;
    throw failure('unreachable', { what: 'the registry', where: base, detail: 'its answer is not a registry’s' });
  };
  return {
    credential: async (agency) => (await ask(`/v1/credentials/${agency}`, credentialAnswerSchema)).credential,
    revocations: async () => (await ask('/v1/revocations', revocationsAnswerSchema)).revocations,
  };
}
