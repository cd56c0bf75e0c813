import type { Clock } from '@doorsill/base/clock';
import { UPLOAD_BODY_TYPE } from '@doorsill/base/http/http-server';
import { failure, isFailure } from '@doorsill/contract/errors';
import { exchangeJson } from '@doorsill/contract/json-client';
import { parseJson } from '@doorsill/contract/parse-json';
import { failureOf } from '@doorsill/contract/problem';
import type { z } from 'zod';
import type { OpenBytes } from '../http/revocable-downloads.ts';
import {
  type HandOverBody,
  HandOverStatus,
  type RecallBody,
  recallStatusSchema,
} from '../signing/hand-over-documents.ts';

export interface VaultClientDeps {
  clock: Clock;
  url: string;
  /** Longest wait for an answer, or for the vault to accept the next piece of a clip. */
  answerMsMax: number;
}

export interface SentClip {
  bytes: number;
  open: () => Promise<OpenBytes>;
}

/** Each step is safe to repeat. All reject with the vault's own failure, or `vault_unreachable`. */
export interface VaultClient {
  offer(body: HandOverBody, signal: AbortSignal): Promise<HandOverStatus>;
  send(item: string, offer: string, clip: SentClip, signal: AbortSignal): Promise<HandOverStatus>;
  confirm(step: string, signal: AbortSignal): Promise<HandOverStatus>;
  withdraw(step: string, signal: AbortSignal): Promise<HandOverStatus>;
  recall(body: RecallBody, signal: AbortSignal): Promise<{ item: string; answer: string }>;
}

const PIECE_BYTES = 256 * 1024;
const ANSWER_LETTERS_MAX = 20_000;

export function httpVaultClient(deps: VaultClientDeps): VaultClient {
  const base = deps.url.replace(/\/+$/, '');
  const ask = async <Schema extends z.ZodType>(path: string, body: object, schema: Schema, signal: AbortSignal) =>
    within(deps, signal, async (limited) => {
      const answer = schema.safeParse(await exchangeJson(`${base}${path}`, { method: 'POST', body, signal: limited }));
      if (answer.success) return answer.data;
      throw unreachable('its answer is not one of a vault');
    });
  const step = (path: string) => (text: string, signal: AbortSignal) =>
    ask(path, { step: text }, HandOverStatus, signal);
  return {
    offer: (body, signal) => ask('/v1/hand-overs', body, HandOverStatus, signal),
    send: (item, offer, clip, signal) =>
      within(deps, signal, (limited, moved) =>
        putClip(`${base}/v1/hand-overs/${item}/clip`, offer, clip, limited, moved),
      ),
    confirm: step('/v1/hand-overs/confirmation'),
    withdraw: step('/v1/hand-overs/withdrawal'),
    recall: (body, signal) => ask('/v1/recalls', body, recallStatusSchema, signal),
  };
}

/** Runs work and aborts it at the stall timeout `answerMsMax`; every connection error becomes `vault_unreachable`. */
async function within<Result>(
  { clock, answerMsMax }: VaultClientDeps,
  signal: AbortSignal,
  work: (limited: AbortSignal, moved: () => void) => Promise<Result>,
): Promise<Result> {
  const late = new AbortController();
  const arm = () =>
    clock.after(answerMsMax, () => late.abort(unreachable(`no byte moved for ${answerMsMax / 1000} s`)));
  let timer = arm();
  const moved = () => {
    timer.cancel();
    timer = arm();
  };
  try {
    return await work(AbortSignal.any([signal, late.signal]), moved);
  } catch (thrown) {
    signal.throwIfAborted();
    late.signal.throwIfAborted();
    if (isFailure(thrown) && thrown.code !== 'unreachable') throw thrown;
    throw unreachable(whyOf(thrown), thrown);
  } finally {
    timer.cancel();
  }
}

async function putClip(
  url: string,
  offer: string,
  { bytes: size, open }: SentClip,
  signal: AbortSignal,
  moved: () => void,
): Promise<HandOverStatus> {
  const file = await open();
  try {
    let at = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        moved();
        const bytes = await file.read(at, Math.min(PIECE_BYTES, size - at));
        at += bytes.length;
        if (bytes.length > 0) controller.enqueue(bytes);
        if (at >= size || bytes.length === 0) controller.close();
      },
    });
    const response = await fetch(url, {
      method: 'PUT',
      redirect: 'error',
      signal,
      headers: { authorization: `Bearer ${offer}`, 'content-type': UPLOAD_BODY_TYPE },
      body,
      duplex: 'half',
    });
    const answer = parseJson(await boundedText(response));
    if (!response.ok) throw failureOf(answer) ?? unreachable(`it answered with status ${response.status}`);
    const status = HandOverStatus.safeParse(answer);
    if (!status.success) throw unreachable('its answer is not one of a vault');
    return status.data;
  } finally {
    await file.close();
  }
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  if (!response.body) return text;
  for await (const piece of response.body) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > ANSWER_LETTERS_MAX) throw unreachable('its answer is too large');
  }
  return text;
}

function unreachable(detail: string, cause?: unknown) {
  return failure('vault_unreachable', { detail }, cause);
}

function whyOf(thrown: unknown): string {
  if (isFailure(thrown)) return String(thrown.facts['detail'] ?? thrown.message);
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
