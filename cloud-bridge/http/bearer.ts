import { failure } from '@doorsill/contract/errors';
import type { FastifyRequest } from 'fastify';

const BEARER = /^Bearer ([A-Za-z0-9._-]{16,8192})$/;

/** The bearer token of a request; throws `http_unauthorised` when there is none. */
export function bearerOf(request: Pick<FastifyRequest, 'headers'>): string {
  const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw failure('http_unauthorised');
  return token;
}
