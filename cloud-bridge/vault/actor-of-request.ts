// The actor of an HTTP request: from a client's token, and the headers with the officer's name and reason for the trail.

import { failure } from '@doorsill/contract/errors';
import { officerSchema, reasonSchema } from '@doorsill/contract/manifest';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bearerOf } from '../http/roles.ts';
import type { Actor, Caller, Clients } from './clients.ts';

/** Longest header value: 200 UTF-16 units, each up to three bytes of UTF-8, percent-encoded. */
const HEADER_LETTERS_MAX = 9 * 200;
const encoded = z.string().max(HEADER_LETTERS_MAX).transform(decoded);
/** The headers with the officer's name and reason, percent-encoded. */
export const officerHeadersSchema = z.object({
  'x-officer': encoded.pipe(officerSchema),
  'x-reason': encoded.pipe(reasonSchema),
});

/** The actor of a request about an agency. Throws `http_unauthorised`, `vault_token_invalid`, `vault_reason_missing`. */
export async function actorOf(request: FastifyRequest, clients: Clients, agency: string): Promise<Actor> {
  const who = await clients.actor(bearerOf(request), agency, request.ip);
  const headers = officerHeadersSchema.safeParse(request.headers);
  if (!headers.success) throw failure('vault_reason_missing');
  return { ...who, officer: headers.data['x-officer'], reason: headers.data['x-reason'] };
}

/** Repeats the check of the token at every call, without counting it. Throws `vault_token_invalid`. */
export function callerAgain(request: FastifyRequest, clients: Clients, agency: string): () => Promise<Caller> {
  const bearer = bearerOf(request);
  return () => clients.caller(bearer, agency, request.ip);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
