// Owns: identifiers on the wire and how an actor's id is derived from its key. Pure: also runs in a browser.
import { z } from 'zod';

/** Any id in a topic or a claim: lower case, digits, hyphens, 1 to 63 letters; can hold no topic separator or wildcard. */
export const idSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'an id of at most 63 small letters, digits and hyphens');

/** A user name at a home broker: one of our ids where the device makes accounts, else whatever that broker lets people be called. */
export const brokerUserSchema = z
  .string()
  .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{1,128}$/u, 'a user name of up to 128 printable letters');

/** What owners can answer. Its id carries its kind, so that an id of one kind is never valid as one of the other. */
type AskKind = 'request' | 'search';

/** The kind that an id carries: `request-...` or `search-...`; null for any other id. */
export function askKindOf(id: string): AskKind | null {
  return /^(request|search)-[a-z0-9]/.test(id) ? (id.startsWith('request-') ? 'request' : 'search') : null;
}

/** A public key on the wire: 32 bytes as base64url. Whether it is a usable point is checked where it is pinned. */
export const publicKeySchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'a public key: 43 letters of base64url');

/** SHA-256 as lower-case hex. */
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256: 64 digits of hex, in small letters');

/** Who can hold a key. `home`: a device under the key of one single grant. */
export type Role = 'device' | 'owner' | 'agency' | 'bridge' | 'registry' | 'vault' | 'home';

/**
 * An actor's id: its role and the first 128 bits of the SHA-256 of its public key's text. Given `keyHashHex`, the hash as
 * hex. Whoever holds the key can be checked against the id, so nobody has to be asked which key belongs to it.
 */
export function actorId(role: Role, keyHashHex: string): string {
  return `${role}-${keyHashHex.slice(0, 32)}`;
}
