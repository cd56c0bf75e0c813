// Tokens from any header and claims, in any encoding.
import type { SigningKey } from '../../../../device/base/keys.ts';

type Part = string | Uint8Array | object;

/** Base64url of bytes, of a text, or of a value's JSON. */
export function part(of: Part): string {
  if (of instanceof Uint8Array) return Buffer.from(of).toString('base64url');
  return Buffer.from(typeof of === 'string' ? of : JSON.stringify(of)).toString('base64url');
}

/** `BASE64URL(header).BASE64URL(claims)`. */
export function rawInput(header: Part, claims: Part): string {
  return `${part(header)}.${part(claims)}`;
}

/** A complete token with any header and claims, correctly signed. */
export function rawToken(header: Part, claims: Part, key: Pick<SigningKey, 'sign'>): string {
  const input = rawInput(header, claims);
  return `${input}.${part(key.sign(Buffer.from(input)))}`;
}

export function partsOf(token: string): [string, string, string] {
  const [header = '', claims = '', signature = ''] = token.split('.');
  return [header, claims, signature];
}

/** The token with a changed signature. */
export function resigned(token: string, change: (signature: Uint8Array) => Uint8Array): string {
  const [header, claims, signature] = partsOf(token);
  return `${header}.${claims}.${part(change(new Uint8Array(Buffer.from(signature, 'base64url'))))}`;
}
