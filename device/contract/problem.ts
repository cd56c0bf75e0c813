// Failures as problem documents (RFC 9457), and back.
import { z } from 'zod';
import { type Failure, failure, isErrorCode } from './errors.ts';

/** The media type of a refusal (RFC 9457). */
export const PROBLEM_TYPE = 'application/problem+json';

const INSTANCE_LETTERS_MAX = 200;

const factsSchema = z.record(z.string().max(40), z.union([z.string().max(600), z.number()]));

/** A refusal as it is sent (RFC 9457 §3.1), with the contract's code and the facts of its sentences. */
export const ProblemDocument = z.strictObject({
  type: z.string().regex(/^urn:doorsill:[a-z0-9_]+$/),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string(),
  /** The path that was asked for. Absent where it could not be read. */
  instance: z.string().max(INSTANCE_LETTERS_MAX).optional(),
  code: z.string().regex(/^[a-z0-9_]+$/),
  /** Whether the same call may succeed later without anyone changing anything. */
  retryable: z.boolean(),
  facts: factsSchema,
  /** OAuth's code (RFC 6749 §5.2), where a token was asked for. */
  error: z.enum(['invalid_client', 'invalid_scope', 'invalid_request']).optional(),
});
export type ProblemDocument = z.infer<typeof ProblemDocument>;

/** The members that are read of a refusal; other servers may send more, or fewer. */
const problemSchema = z.object({
  code: z.string().refine(isErrorCode),
  facts: factsSchema.default({}),
});

const PATH = /^\/[\w.~!$&'()*+,;=:@%/-]*$/;

/** The problem document of a failure; everything in it is safe to show. `address`: the path that was asked for, with or without a query. */
export function problemOf(failed: Failure, address?: string): ProblemDocument {
  const [path = ''] = (address ?? '').split('?');
  const isShown = path.length <= INSTANCE_LETTERS_MAX && PATH.test(path);
  return {
    type: `urn:doorsill:${failed.code}`,
    title: failed.message,
    status: failed.http,
    detail: failed.advice,
    ...(isShown ? { instance: path } : {}),
    code: failed.code,
    retryable: failed.retryable,
    facts: failed.facts,
  };
}

/** The failure that a problem document names; null for a document that is not ours. */
export function failureOf(body: unknown): Failure | null {
  const problem = problemSchema.safeParse(body);
  return problem.success ? failure(problem.data.code, problem.data.facts) : null;
}
