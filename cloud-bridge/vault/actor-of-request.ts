// Owns: the actor of an HTTP request: a client's token, and the officer's name and reason that go into the trail.
// Not here: what they may do (evidence.ts).
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { failure } from '../../device/protocol/errors.ts';
import { bearerOf } from '../http/bearer.ts';
import type { Actor, Caller, Clients } from './clients.ts';

const said = (min: number, max: number) =>
  z
    .string()
    .max(3 * max)
    .transform(decoded)
    // An entry of the trail is one line, without invisible characters.
    .pipe(
      z
        .string()
        .min(min)
        .max(max)
        .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u),
    );
/** The headers with the officer's name and reason, percent-encoded. */
export const officerHeadersSchema = z.object({ 'x-officer': said(2, 80), 'x-reason': said(3, 200) });

/** The actor of a request about an agency. Throws `http_unauthorised`, `vault_token_invalid`, `vault_reason_missing`. */
export async function actorOf(request: FastifyRequest, clients: Clients, agency: string): Promise<Actor> {
  const who = await clients.actor(bearerOf(request), agency, request.ip);
  const headers = officerHeadersSchema.safeParse(request.headers);
  if (!headers.success) throw failure('vault_reason_missing');
  return { ...who, officer: headers.data['x-officer'], reason: headers.data['x-reason'] };
}

/** Repeats the same check at every call, without counting it. Throws `vault_token_invalid`. */
export function callerAgain(request: FastifyRequest, clients: Clients, agency: string): () => Promise<Caller> {
  const bearer = bearerOf(request);
  return () => clients.caller(bearer, agency, request.ip);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).trim();
  } catch {
    return '';
  }
}
