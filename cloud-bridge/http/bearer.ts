// Owns: reading `Authorization: Bearer` (RFC 6750 §2.1) and checking the admin token. Not here: what signed tokens allow.
import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { utf8 } from '../../device/base/bytes.ts';
import { sha256 } from '../../device/base/keys.ts';
import { failure } from '../../device/protocol/errors.ts';

const BEARER = /^Bearer ([A-Za-z0-9._-]{16,8192})$/;

/** The presented token; throws `http_unauthorised` when there is none. */
export function bearerOf(request: Pick<FastifyRequest, 'headers'>): string {
  const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw failure('http_unauthorised');
  return token;
}

/** Throws `http_unauthorised` unless the request carries the admin token. */
export function assertAdmin(request: Pick<FastifyRequest, 'headers'>, adminToken: string): void {
  // Hashed first, so that the comparison takes the same time for every length.
  if (!timingSafeEqual(sha256(utf8(bearerOf(request))), sha256(utf8(adminToken)))) throw failure('http_unauthorised');
}
