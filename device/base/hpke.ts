// Hybrid public key encryption (HPKE, RFC 9180), base mode, single shot, in one suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
// Synchronous, like every other use of a key, so that a simulation owns each step.
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { assert } from '@doorsill/contract/assert';
import { concatBytes, fromBase64url, toBase64url, utf8 } from '@doorsill/contract/bytes';
import { hmacSha256 } from './keys.ts';
import type { Random } from './random.ts';
import { openWithNonce, SEAL_KEY_BYTES, SEAL_NONCE_BYTES, sealWithNonce } from './seal.ts';

/** An X25519 key pair of somebody who can be encrypted to. */
export interface SealingKeyPair {
  /** 32 bytes in base64url, 43 letters (RFC 7748 §5). */
  readonly publicKey: string;
  /** The shared secret with another public key; null where that is not a usable one. */
  agree(publicKey: string): Uint8Array | null;
  /** The 32-byte private key in base64url, only for the file that stores it, which only its owner can read. */
  exportSecret(): string;
}

/** Bytes of an encapsulated key, the first part of a message. */
const ENCAPSULATED_BYTES = 32;

const KEY_BYTES = 32;
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
/** Identifiers of the suite (RFC 9180 §7): KEM 0x0020; with KDF 0x0001 and AEAD 0x0002. */
const KEM_SUITE = concatBytes([utf8('KEM'), Uint8Array.of(0x00, 0x20)]);
const HPKE_SUITE = concatBytes([utf8('HPKE'), Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x02)]);
const NOTHING = new Uint8Array();
/** Protects nothing: it only tries whether a public key agrees with any. */
const PROBE_SECRET = toBase64url(new Uint8Array(KEY_BYTES).fill(1));
/** The first byte of the key schedule's context: `mode_base`. */
const MODE_BASE = Uint8Array.of(0);

/** Loads a key pair from its 32-byte private key in base64url; null for other text. */
export function importSealingKey(secret: string): SealingKeyPair | null {
  const bytes = fromBase64url(secret);
  if (bytes?.length !== KEY_BYTES) return null;
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, bytes]), format: 'der', type: 'pkcs8' });
  const x = createPublicKey(privateKey).export({ format: 'jwk' }).x;
  assert(x !== undefined, 'an X25519 key exports its x');
  return {
    publicKey: x,
    agree: (publicKey) => sharedSecret(privateKey, publicKey),
    exportSecret: () => secret,
  };
}

/** Makes a new key pair from 32 bytes of `random` (RFC 9180 §7.1.3, DeriveKeyPair). */
export function generateSealingKey(random: Random): SealingKeyPair {
  const extracted = labeledExtract(KEM_SUITE, NOTHING, 'dkp_prk', random.bytes(KEY_BYTES));
  const key = importSealingKey(toBase64url(labeledExpand(KEM_SUITE, extracted, 'sk', NOTHING, KEY_BYTES)));
  assert(key !== null, '32 bytes are a private key');
  return key;
}

/** Whether something can be encrypted to a public key: 32 bytes in base64url that agree on a secret (RFC 9180 §7.1.4). */
export function isSealingKey(publicKey: string): boolean {
  return importSealingKey(PROBE_SECRET)?.agree(publicKey) !== null;
}

/**
 * Encrypts `plain` to a public key: the encapsulated key, the ciphertext, the tag. `info` and `associated` must be the same when it is
 * opened. Null where the public key is not a usable one. Takes 32 bytes of `random`; each message has a key of its own.
 */
export function encryptTo(
  publicKey: string,
  plain: Uint8Array,
  { info, associated = NOTHING }: { info: Uint8Array; associated?: Uint8Array },
  random: Random,
): Uint8Array | null {
  const ephemeral = generateSealingKey(random);
  const secret = ephemeral.agree(publicKey);
  if (!secret) return null;
  const encapsulated = rawKey(ephemeral.publicKey);
  const { key, nonce } = keySchedule(kemSecret(secret, encapsulated, rawKey(publicKey)), info);
  return concatBytes([encapsulated, sealWithNonce(key, nonce, plain, associated)]);
}

/** Opens a message of `encryptTo`; null when key, `info`, associated data or a single bit differs. */
export function decryptWith(
  pair: SealingKeyPair,
  message: Uint8Array,
  { info, associated = NOTHING }: { info: Uint8Array; associated?: Uint8Array },
): Uint8Array | null {
  const encapsulated = message.subarray(0, ENCAPSULATED_BYTES);
  const secret = pair.agree(toBase64url(encapsulated));
  if (!secret) return null;
  const { key, nonce } = keySchedule(kemSecret(secret, encapsulated, rawKey(pair.publicKey)), info);
  return openWithNonce(key, nonce, message.subarray(ENCAPSULATED_BYTES), associated);
}

function rawKey(publicKey: string): Uint8Array {
  const bytes = fromBase64url(publicKey);
  assert(bytes?.length === KEY_BYTES, 'a public key was checked');
  return bytes;
}

/** Null for text that is no public key, and for points of low order, whose shared secret is zero for everybody (RFC 7748 §6.1). */
function sharedSecret(privateKey: KeyObject, publicKey: string): Uint8Array | null {
  if (fromBase64url(publicKey)?.length !== KEY_BYTES) return null;
  try {
    const theirs = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: publicKey }, format: 'jwk' });
    const secret = new Uint8Array(diffieHellman({ privateKey, publicKey: theirs }));
    return secret.some((byte) => byte !== 0) ? secret : null;
  } catch {
    return null;
  }
}

/** The KEM's shared secret from the Diffie-Hellman one (RFC 9180 §4.1, ExtractAndExpand). */
function kemSecret(agreed: Uint8Array, encapsulated: Uint8Array, recipient: Uint8Array): Uint8Array {
  const extracted = labeledExtract(KEM_SUITE, NOTHING, 'eae_prk', agreed);
  return labeledExpand(KEM_SUITE, extracted, 'shared_secret', concatBytes([encapsulated, recipient]), KEY_BYTES);
}

/** Key and first nonce of a context (RFC 9180 §5.1). */
function keySchedule(shared: Uint8Array, info: Uint8Array) {
  const context = concatBytes([
    MODE_BASE,
    labeledExtract(HPKE_SUITE, NOTHING, 'psk_id_hash', NOTHING),
    labeledExtract(HPKE_SUITE, NOTHING, 'info_hash', info),
  ]);
  const secret = labeledExtract(HPKE_SUITE, shared, 'secret', NOTHING);
  return {
    key: { cipher: 'aes-256-gcm', secret: labeledExpand(HPKE_SUITE, secret, 'key', context, SEAL_KEY_BYTES) } as const,
    nonce: labeledExpand(HPKE_SUITE, secret, 'base_nonce', context, SEAL_NONCE_BYTES),
  };
}

/** RFC 9180 §4, with HKDF-Extract of RFC 5869 §2.2. */
function labeledExtract(suite: Uint8Array, salt: Uint8Array, label: string, material: Uint8Array): Uint8Array {
  return hmacSha256(salt, concatBytes([utf8('HPKE-v1'), suite, utf8(label), material]));
}

/** RFC 9180 §4, with HKDF-Expand of RFC 5869 §2.3; `length` is at most the hash's 32 bytes, so that one step is enough. */
function labeledExpand(
  suite: Uint8Array,
  secret: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const labeled = concatBytes([Uint8Array.of(length >> 8, length & 255), utf8('HPKE-v1'), suite, utf8(label), info]);
  return hmacSha256(secret, concatBytes([labeled, Uint8Array.of(1)])).subarray(0, length);
}
