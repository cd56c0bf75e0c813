import { z } from 'zod';

/** Any id in a topic or a claim. It can hold no topic separator and no wildcard. */
export const idSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'an id of at most 63 small letters, digits and hyphens');

/** A user name at a home broker: an id where the device makes accounts, else any name that the broker accepts. */
export const brokerUserSchema = z
  .string()
  .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{1,128}$/u, 'a user name of up to 128 printable letters');

/** The two things that owners answer. An id carries its kind, so that a request's id is never valid as a search's. */
type AskKind = 'request' | 'search';

/** The kind that an id carries: `request-...` or `search-...`; null for any other id. */
export function askKindOf(id: string): AskKind | null {
  return /^(request|search)-[a-z0-9]/.test(id) ? (id.startsWith('request-') ? 'request' : 'search') : null;
}

/** A public key on the wire: 32 bytes as base64url. Whoever pins it checks that it is a usable point. */
export const publicKeySchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'a public key: 43 letters of base64url');

/** SHA-256 as lower-case hex. */
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256: 64 digits of hex, in small letters');

/** Holders of keys. `home`: a device under the key of a single grant. */
export type Role = 'device' | 'owner' | 'agency' | 'bridge' | 'registry' | 'vault' | 'home';

/**
 * An actor's id: its role and the first 128 bits of `keyHashHex`, the SHA-256 of its public key's text as hex. A key can so be checked
 * against an id, and nobody has to be asked which key belongs to it.
 */
export function actorId(role: Role, keyHashHex: string): string {
  return `${role}-${keyHashHex.slice(0, 32)}`;
}
