// Owns: the HTTP side of the contract: failures as problem documents (RFC 9457) and back, and one bounded JSON exchange.
// Pure: `fetch` is every platform's own. Not here: routes (the bridge's), uploads (upload/).

import { z } from 'zod';
import { parseJson } from '../base/json.ts';
import { type Failure, failure, isErrorCode, isFailure } from './errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** Answers larger than this are not read, unless the caller says so. */
const ANSWER_BYTES_MAX = 1_000_000;
const ANSWER_MS_MAX = 15_000;
const INSTANCE_LETTERS_MAX = 200;

const factsSchema = z.record(z.string().max(40), z.union([z.string().max(600), z.number()]));

/** A refusal as it is sent (RFC 9457 §3.1), with the code of the contract and what fills its sentences. */
export const problemDocumentSchema = z.strictObject({
  type: z.string().regex(/^urn:doorsill:[a-z0-9_]+$/),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string(),
  /** What was asked for: a path. Absent where it could not be read. */
  instance: z.string().max(INSTANCE_LETTERS_MAX).optional(),
  code: z.string().regex(/^[a-z0-9_]+$/),
  /** Whether the same call may succeed later without anyone changing anything. */
  retryable: z.boolean(),
  facts: factsSchema,
  /** OAuth's own codes for it (RFC 6749 §5.2), where a token was asked for. */
  error: z.enum(['invalid_client', 'invalid_scope', 'invalid_request']).optional(),
});
export type ProblemDocument = z.infer<typeof problemDocumentSchema>;

/** What is read of a refusal: other servers may say more, or less. */
const problemSchema = z.object({
  code: z.string().refine(isErrorCode),
  facts: factsSchema.default({}),
});

const PATH = /^\/[\w.~!$&'()*+,;=:@%/-]*$/;

/** The problem document of a failure; everything in it is safe to show. `address`: what was asked for, with or without a query. */
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

/** The failure a problem document names; null when it is none of ours. */
export function failureOf(body: unknown): Failure | null {
  const problem = problemSchema.safeParse(body);
  return problem.success ? failure(problem.data.code, problem.data.facts) : null;
}

export interface JsonRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  body?: object;
  /** A body that is not JSON. */
  content?: { type: string; bytes: Uint8Array<ArrayBuffer> };
  bearer?: string;
  /** Headers besides. */
  headers?: Record<string, string>;
  signal?: AbortSignal;
  answerBytesMax?: number;
}

/**
 * Sends one request and returns the answer's JSON, not yet checked. Redirects are refused: an address that was pinned is
 * the only one that is asked. Throws `unreachable`, or the failure the server names.
 */
export async function exchangeJson(url: string, request: JsonRequest): Promise<unknown> {
  const limit = AbortSignal.timeout(ANSWER_MS_MAX);
  const unreachable = (detail: string, cause?: unknown) =>
    failure('unreachable', { what: 'the server', where: new URL(url).origin, detail }, cause);
  try {
    const response = await fetch(url, {
      method: request.method,
      redirect: 'error',
      signal: request.signal ? AbortSignal.any([limit, request.signal]) : limit,
      headers: {
        ...request.headers,
        ...(request.body ? { 'content-type': 'application/json' } : {}),
        ...(request.content ? { 'content-type': request.content.type } : {}),
        ...(request.bearer ? { authorization: `Bearer ${request.bearer}` } : {}),
      },
      ...(request.body ? { body: JSON.stringify(request.body) } : {}),
      ...(request.content ? { body: request.content.bytes } : {}),
    });
    const answer = parseJson(await readBounded(response, request.answerBytesMax ?? ANSWER_BYTES_MAX));
    if (response.ok) return answer;
    throw failureOf(answer) ?? unreachable(`it answered with status ${response.status}`);
  } catch (thrown) {
    if (isFailure(thrown)) throw thrown;
    request.signal?.throwIfAborted();
    const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
    throw unreachable(cause instanceof Error ? cause.message || cause.name : String(cause), thrown);
  }
}

async function readBounded(response: Response, charsMax: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  if (!response.body) return text;
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > charsMax) throw new Error('its answer is too large');
  }
  return text;
}
