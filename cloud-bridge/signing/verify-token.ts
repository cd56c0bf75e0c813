import { verifySignature } from '@doorsill/base/keys';
import { type ErrorCode, failure, TOKEN_FAULT_CODES } from '@doorsill/contract/errors';
import { type Opened, openToken, parseToken, type TokenType } from '@doorsill/contract/jws';
import { CLOCK_SKEW_S_MAX } from '@doorsill/contract/owner-orders';
import type { z } from 'zod';

export interface Pinned<Schema extends z.ZodType> {
  typ: TokenType;
  schema: Schema;
  audience: string;
  keys: readonly string[];
}

type SignedSchema = z.ZodType<{ iss: string; aud: string }>;

/** Verifies a token; returns its content or the reason why it is invalid. */
export function tryToken<Schema extends SignedSchema>(token: string, pinned: Pinned<Schema>): Opened<z.infer<Schema>> {
  return openToken(token, { ...pinned, verify: verifySignature });
}

/** Verifies a token; throws its `token_...` failure. */
export function readToken<Schema extends SignedSchema>(token: string, pinned: Pinned<Schema>): z.infer<Schema> {
  const opened = tryToken(token, pinned);
  if (!opened.ok) throw failure(TOKEN_FAULT_CODES[opened.fault]);
  return opened.claims;
}

/** Verifies a token that is one link of a chain; throws `code`, whose detail names `what` and the fault. */
export function readLink<Schema extends SignedSchema>(
  token: string,
  pinned: Pinned<Schema>,
  code: ErrorCode,
  what: string,
): z.infer<Schema> {
  const opened = tryToken(token, pinned);
  if (!opened.ok) throw failure(code, { detail: `${what}: ${opened.fault}` });
  return opened.claims;
}

/** A token's unverified claims, only for finding the key that must have signed it. Throws `token_malformed`, `token_unknown_claims`. */
export function peekToken<Schema extends z.ZodType>(token: string, schema: Schema): z.infer<Schema> {
  const parsed = parseToken(token);
  if (!parsed) throw failure('token_malformed');
  const claims = schema.safeParse(parsed.claims);
  if (!claims.success) throw failure('token_unknown_claims');
  return claims.data;
}

/** Throws `token_expired` unless the token is valid now, was not signed in the future, and lives at most `lifeSMax`. */
export function assertLife(claims: { iat: number; exp: number }, nowS: number, lifeSMax: number): void {
  const inFuture = claims.iat > nowS + CLOCK_SKEW_S_MAX;
  if (nowS >= claims.exp || inFuture || claims.exp - claims.iat > lifeSMax) throw failure('token_expired');
}
