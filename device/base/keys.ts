// SHA-256, BLAKE2b and Ed25519 on node:crypto, synchronous. Ciphers: seal.ts.
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  scryptSync,
  sign,
  verify,
} from 'node:crypto';
import { assert } from '@doorsill/contract/assert';
import { fromBase64url, toBase64url, toHex } from '@doorsill/contract/bytes';
import type { Random } from './random.ts';

/** An Ed25519 public key on the wire: its 32 bytes in base64url, 43 letters (the `x` of a JWK, RFC 8037 §2). */
export type PublicKey = string;

/** An Ed25519 signing key. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  /** A 64-byte Ed25519 signature over `data` (RFC 8032). */
  sign(data: Uint8Array): Uint8Array;
  /** The 32-byte seed in base64url, only for the file that stores it, which only its owner can read. */
  exportSecret(): string;
}

/** Checks a 64-byte signature; false for any malformed key or signature, never a throw. */
type VerifySignature = (publicKey: PublicKey, data: Uint8Array, signature: Uint8Array) => boolean;

/** SHA-256 of bytes. */
export function sha256(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(data).digest());
}

/** SHA-256 of bytes or of a text's UTF-8, as lower-case hex: the form of every hash in messages and output. */
export function sha256Hex(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** BLAKE2b with 64 bytes (RFC 7693): minisign signs this hash of a file. */
export function blake2b512(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('blake2b512').update(data).digest());
}

/** HMAC-SHA-256 (RFC 2104): a hash that only holders of `key` can compute. */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', key).update(data).digest());
}

/** Hashes a stream of parts: `update` any number of times, then `digestHex` once. */
export function sha256Stream(): { update(part: Uint8Array): void; digestHex(): string } {
  const hash = createHash('sha256');
  return { update: (part) => void hash.update(part), digestHex: () => hash.digest('hex') };
}

/** 128 MiB and some tenths of a second for each guess (RFC 7914 §2), which a board with 1 GB can spare once. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 192 * 1024 * 1024 };

/** A 32-byte key derived from a passphrase and a salt, slow on purpose. */
export function passphraseKey(passphrase: string, salt: Uint8Array): Uint8Array {
  return new Uint8Array(scryptSync(passphrase.normalize('NFC'), salt, 32, SCRYPT));
}

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Loads a signing key from its 32-byte seed in base64url; null for other text. */
export function importSigningKey(secret: string): SigningKey | null {
  const seed = fromBase64url(secret);
  if (seed?.length !== 32) return null;
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const x = createPublicKey(privateKey).export({ format: 'jwk' }).x;
  assert(x !== undefined, 'an Ed25519 key exports its x');
  return {
    publicKey: x,
    sign: (data) => new Uint8Array(sign(null, data, privateKey)),
    exportSecret: () => secret,
  };
}

/** Makes a new signing key from 32 bytes of `random`. */
export function generateSigningKey(random: Random): SigningKey {
  const key = importSigningKey(toBase64url(random.bytes(32)));
  assert(key !== null, '32 bytes are a seed');
  return key;
}

/** y-coordinates of the points of small order: anyone can sign under such a key. */
const SMALL_ORDER_Y = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** Whether y is below p = 2^255 - 19 (RFC 8032 §5.1.3): a key with two encodings would be two actors. */
function isReduced(y: Uint8Array): boolean {
  return (y[0] ?? 0) < 0xed || y[31] !== 0x7f || y.subarray(1, 31).some((byte) => byte !== 0xff);
}

const keyObjects = new Map<PublicKey, KeyObject>();
const KEY_OBJECTS_MAX = 1024;

/**
 * Whether a text is the canonical encoding of a public key that can be pinned (32 bytes, not of small order). Not checked: whether it is a
 * point of the curve; if not, no signature verifies under it.
 */
export function isPublicKey(text: string): boolean {
  const bytes = fromBase64url(text);
  if (bytes?.length !== 32) return false;
  const y = Uint8Array.from(bytes);
  y[31] = (y[31] ?? 0) & 0x7f;
  return isReduced(y) && !SMALL_ORDER_Y.has(toHex(y));
}

function keyObject(publicKey: PublicKey): KeyObject | null {
  const known = keyObjects.get(publicKey);
  if (known) return known;
  if (!isPublicKey(publicKey)) return null;
  try {
    const made = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
    if (keyObjects.size >= KEY_OBJECTS_MAX) keyObjects.clear();
    keyObjects.set(publicKey, made);
    return made;
  } catch {
    return null;
  }
}

/** Whether a signature is the key's over the data; false for a malformed key or signature (RFC 8032 §5.1.7). */
export const verifySignature: VerifySignature = (publicKey, data, signature) => {
  const key = keyObject(publicKey);
  return key !== null && signature.length === 64 && verify(null, data, key, signature);
};
