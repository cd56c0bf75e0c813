// Owns: opening what comes over the area link: the bridge's documents of requests and searches, the registry's revocation list.
// Not here: what is remembered of them (area-view.ts); a single published request (protocol/published.ts).

import type { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { wallSeconds } from '../base/clock.ts';
import { verifySignature } from '../base/keys.ts';
import { PUBLIC_AUDIENCE } from '../protocol/claims.ts';
import { type ErrorCode, TOKEN_FAULT_CODES } from '../protocol/errors.ts';
import { CLOCK_SKEW_S_MAX } from '../protocol/grant.ts';
import { openToken, type TokenType } from '../protocol/jws.ts';
import {
  type AreaDocument,
  areaDocumentSchema,
  CREDENTIAL_LIFE_S_MAX,
  type Revocations,
  revocationsSchema,
} from '../protocol/request.ts';
import { type SearchDocument, searchDocumentSchema } from '../protocol/search.ts';

export type Judged<Claims> = { ok: true; claims: Claims } | { ok: false; code: ErrorCode };

/** What an area document must fit: the pinned bridge, this home's cell, and the revision already believed. */
export interface AreaExpectation {
  bridgeKey: string;
  cell: string;
  /** Highest revision believed so far of a part. */
  revisionOf: (part: number) => number;
}

/** Opens the area document that came on the cell's topic for part `onPart`. An older revision is refused with `consent_too_old`. */
export function openAreaDocument(
  onPart: number,
  token: string,
  expected: AreaExpectation,
  clock: Clock,
): Judged<AreaDocument> {
  return openPart({ typ: 'doorsill-area+jws', schema: areaDocumentSchema }, onPart, token, expected, clock);
}

/** Opens the cell's document of searches in the same way. */
export function openSearchDocument(
  onPart: number,
  token: string,
  expected: AreaExpectation,
  clock: Clock,
): Judged<SearchDocument> {
  return openPart({ typ: 'doorsill-search-area+jws', schema: searchDocumentSchema }, onPart, token, expected, clock);
}

type PartClaims = Pick<AreaDocument, 'iss' | 'aud' | 'cell' | 'part' | 'parts' | 'revision' | 'iat' | 'exp'>;

function openPart<Claims extends PartClaims>(
  of: { typ: TokenType; schema: z.ZodType<Claims> },
  onPart: number,
  token: string,
  expected: AreaExpectation,
  clock: Clock,
): Judged<Claims> {
  const keys = [expected.bridgeKey];
  const opened = openToken(token, { ...of, audience: PUBLIC_AUDIENCE, keys, verify: verifySignature });
  if (!opened.ok) return { ok: false, code: TOKEN_FAULT_CODES[opened.fault] };
  const { cell, part, parts, revision, iat, exp } = opened.claims;
  const nowS = wallSeconds(clock);
  if (cell !== expected.cell || part !== onPart || part > parts) {
    return { ok: false, code: 'message_topic_mismatch' };
  }
  if (iat > nowS + CLOCK_SKEW_S_MAX) return { ok: false, code: 'consent_not_yet_valid' };
  if (exp <= nowS) return { ok: false, code: 'token_expired' };
  if (revision < expected.revisionOf(part)) return { ok: false, code: 'consent_too_old' };
  return { ok: true, claims: opened.claims };
}

/**
 * Opens a revocation list. An older revision than the one believed is refused with `consent_too_old`, and so is an equal
 * one signed earlier than the list at hand; a list that claims to live longer than a day is refused, because a device cut
 * off from newer ones would trust it for as long as it claims.
 */
export function openRevocations(
  token: string,
  registryKey: string,
  revisionSeen: number,
  held: Revocations | null,
  clock: Clock,
): Judged<Revocations> {
  const opened = openToken(token, {
    typ: 'doorsill-revocations+jws',
    schema: revocationsSchema,
    audience: PUBLIC_AUDIENCE,
    keys: [registryKey],
    verify: verifySignature,
  });
  if (!opened.ok) return { ok: false, code: TOKEN_FAULT_CODES[opened.fault] };
  const { revision, iat, exp } = opened.claims;
  const nowS = wallSeconds(clock);
  if (revision < revisionSeen || (held && revision === held.revision && iat < held.iat)) {
    return { ok: false, code: 'consent_too_old' };
  }
  if (iat > nowS + CLOCK_SKEW_S_MAX) return { ok: false, code: 'consent_not_yet_valid' };
  if (exp <= nowS) return { ok: false, code: 'token_expired' };
  if (exp - iat > CREDENTIAL_LIFE_S_MAX) return { ok: false, code: 'token_unknown_claims' };
  return { ok: true, claims: opened.claims };
}
