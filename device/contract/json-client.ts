import { failure, isFailure } from './errors.ts';
import { parseJson } from './parse-json.ts';
import { failureOf } from './problem.ts';

/** Answers larger than this are not read, unless the caller says so. */
const ANSWER_BYTES_MAX = 1_000_000;
const ANSWER_MS_MAX = 15_000;

/** One HTTP request and its limits. */
export interface JsonRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  body?: object;
  /** A body that is not JSON. */
  content?: { type: string; bytes: Uint8Array<ArrayBuffer> };
  bearer?: string;
  /** Additional headers. */
  headers?: Record<string, string>;
  signal?: AbortSignal;
  answerBytesMax?: number;
  /** Overrides the default time limit. */
  answerMsMax?: number;
}

/**
 * Sends one request and returns the answer's JSON, not yet checked. Redirects are refused: only the pinned address is ever contacted.
 * Throws `unreachable`, or the failure that the server names.
 */
export async function exchangeJson(url: string, request: JsonRequest): Promise<unknown> {
  const { signal, answerMsMax = ANSWER_MS_MAX, answerBytesMax = ANSWER_BYTES_MAX } = request;
  const unreachable = (detail: string, cause?: unknown) =>
    failure('unreachable', { what: 'the server', where: new URL(url).origin, detail }, cause);
  const exchange = async (ending: AbortSignal) => {
    const response = await fetch(url, {
      method: request.method,
      redirect: 'error',
      signal: ending,
      headers: {
        ...request.headers,
        ...(request.body ? { 'content-type': 'application/json' } : {}),
        ...(request.content ? { 'content-type': request.content.type } : {}),
        ...(request.bearer ? { authorization: `Bearer ${request.bearer}` } : {}),
      },
      ...(request.body ? { body: JSON.stringify(request.body) } : {}),
      ...(request.content ? { body: request.content.bytes } : {}),
    });
    const answer = parseJson(await readBounded(response, answerBytesMax));
    if (response.ok) return answer;
    throw failureOf(answer) ?? unreachable(`it answered with status ${response.status}`);
  };
  try {
    return await withinTime(answerMsMax, signal, exchange);
  } catch (thrown) {
    if (isFailure(thrown)) throw thrown;
    signal?.throwIfAborted();
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

/**
 * Makes a call with a signal that is aborted after `ms`, or together with the caller's `signal`. Not by AbortSignal.any: the signals that
 * it joins may be garbage-collected before they fire, and the call then waits for ever (Node 20, nodejs/node#54614).
 */
export async function withinTime<Result>(
  ms: number,
  signal: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const ending = new AbortController();
  const sources = [AbortSignal.timeout(ms), ...(signal ? [signal] : [])];
  const undo = sources.map((source) => {
    const end = () => ending.abort(source.reason);
    if (source.aborted) end();
    // The listener also keeps the signal from being garbage-collected.
    source.addEventListener('abort', end, { once: true });
    return () => source.removeEventListener('abort', end);
  });
  try {
    return await call(ending.signal);
  } finally {
    for (const forget of undo) forget();
  }
}
