// The roles that can call routes and how each authenticates. Staff (admin, moderators) are recognised here by their tokens; signatures are
// verified by the part that a route belongs to, with the keys it has pinned.
import { timingSafeEqual } from 'node:crypto';
import { sha256 } from '@doorsill/base/keys';
import { utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import type { FastifyRequest } from 'fastify';

const bearer = (bearerFormat: string, description: string) =>
  ({ type: 'http', scheme: 'bearer', bearerFormat, description }) as const;

/** Each role's OpenAPI security scheme; null: no authentication, or by the body's content. */
export const ROLES = {
  /** Anyone. */
  public: null,
  /** Whoever signed the body's content; the signature is the proof. */
  signed: null,
  /**
   * A home that signed the body's content: its owner, or a device that is not enrolled yet. Differs from `signed` only in its rate limit.
   */
  home: null,
  /** Whoever knows the secret that the body, or `Authorization: Basic`, holds. */
  credentials: null,
  device: bearer('JWS', 'A token signed by an enrolled device, or by the owner whose grant it is about.'),
  agency: bearer('JWS', 'One call, signed by the agency (doorsill-agency+jws), at most five minutes old.'),
  neighbor: bearer('JWS', "One call, signed by a home's owner (doorsill-search-call+jws), at most five minutes old."),
  officer: bearer(
    'JWS',
    'One access, signed by the agency (doorsill-access+jws): names the officer, the reason, and the clip or `all`.',
  ),
  partner: bearer('opaque', "A partner's token."),
  'partner-signature': {
    type: 'apiKey',
    in: 'header',
    name: 'X-Signature',
    description: '`sha256=` and the HMAC-SHA256 of the exact body under the partner’s secret, as hex.',
  },
  bridge: bearer('JWS', 'A token signed by a bridge that the vault knows.'),
  client: bearer('opaque', 'An access token of a client of the agency (RFC 6749 §4.4), got at /oauth2/token.'),
  moderator: bearer('opaque', "A moderator's own token."),
  admin: bearer('opaque', 'The token in the file `admin.token` of the data folder.'),
} as const;
export type Role = keyof typeof ROLES;

/** The caller: the role, and the name if the token alone reveals it. */
export interface Who {
  role: Role;
  name: string;
}

/** Recognises the operator's staff by their token; null for a token that is not theirs. */
export type RecogniseStaff = (token: string) => Promise<Who | null>;

/** For a process whose only staff is the admin. */
export function recogniseAdmin(adminToken: string): RecogniseStaff {
  // Hashed first, so that the comparison takes constant time for every length.
  const known = sha256(utf8(adminToken));
  return async (token) => (timingSafeEqual(sha256(utf8(token)), known) ? { role: 'admin', name: 'admin' } : null);
}

const OF_STAFF: readonly Role[] = ['admin', 'moderator'];
const WITHOUT_BEARER: readonly Role[] = ['public', 'signed', 'home', 'credentials', 'partner-signature'];

/** Whether a role's calls carry `Authorization: Bearer`. */
export function hasBearer(role: Role): boolean {
  return !WITHOUT_BEARER.includes(role);
}

/**
 * The caller behind this token, among the roles a route allows. Staff are authenticated here; the others are as claimed until the
 * route has verified them. Throws `http_unauthorised`, `role_missing`.
 */
export async function whoPresents(token: string, roles: readonly Role[], staff: RecogniseStaff): Promise<Who> {
  const signed = roles.find((role) => !OF_STAFF.includes(role));
  // A signed token contains dots, staff tokens do not.
  const isForStaff = roles.some((role) => OF_STAFF.includes(role)) && !token.includes('.');
  if (!isForStaff) {
    if (signed === undefined) throw failure('http_unauthorised');
    return { role: signed, name: '' };
  }
  const who = await staff(token);
  if (!who) throw failure('http_unauthorised');
  if (!roles.includes(who.role)) throw failure('role_missing', { role: roles.join(' or ') });
  return who;
}

const BEARER = /^Bearer ([A-Za-z0-9._-]{16,8192})$/;

/** The bearer token of a request; throws `http_unauthorised` when there is none. */
export function bearerOf(request: Pick<FastifyRequest, 'headers'>): string {
  const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw failure('http_unauthorised');
  return token;
}
