// Authenticated encryption of one record (AEAD), its keys and the choice of cipher.
import {
  type CipherChaCha20Poly1305,
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createHash,
  type DecipherChaCha20Poly1305,
  type DecipherGCM,
  hkdfSync,
} from 'node:crypto';
import { assert } from '@doorsill/contract/assert';
import { toHex, utf8 } from '@doorsill/contract/bytes';
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

/** Both take 32-byte keys and 12-byte nonces, and make 16-byte tags (NIST SP 800-38D; RFC 8439). */
export const SEAL_CIPHERS = ['aes-256-gcm', 'chacha20-poly1305'] as const;
/** One of `SEAL_CIPHERS`. */
export type SealCipher = (typeof SEAL_CIPHERS)[number];

/** Bytes of a key. */
export const SEAL_KEY_BYTES = 32;
/** Bytes of a nonce. */
export const SEAL_NONCE_BYTES = 12;
/** Bytes of a tag. */
export const SEAL_TAG_BYTES = 16;

/** A secret with its cipher, kept together so that no key serves two ciphers. */
export interface SealKey {
  readonly cipher: SealCipher;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

/** A new key from 32 bytes of `random`. */
export function generateSealKey(random: Random, cipher: SealCipher = 'aes-256-gcm'): SealKey {
  return { cipher, secret: random.bytes(SEAL_KEY_BYTES) };
}

/** A key derived from `key`, `salt` and `purpose` (HKDF-SHA-256, RFC 5869), with a nonce space of its own. */
export function deriveSealKey(key: SealKey, salt: Uint8Array, purpose: string): SealKey {
  const secret = hkdfSync('sha256', key.secret, salt, utf8(`doorsill ${purpose}`), SEAL_KEY_BYTES);
  return { cipher: key.cipher, secret: new Uint8Array(secret) };
}

/** A key's public id: 16 hex letters of a hash. */
export function sealKeyId(key: SealKey): string {
  const hash = createHash('sha256').update('doorsill key id').update(key.cipher).update(key.secret).digest();
  return toHex(hash.subarray(0, 8));
}

/** Overwrites a key in memory: it can open nothing afterwards. */
export function wipeSealKey(key: SealKey): void {
  key.secret.fill(0);
}

/** Bytes of a record of `plainBytes` once it is sealed by `sealWithNonce`. */
export function sealedBytesOf(plainBytes: number): number {
  return plainBytes + SEAL_TAG_BYTES;
}

/** Bytes sealed in one step. Node allocates each step's result anew, and takes small ones from the heap, without a call to the system. */
const STEP_BYTES = 32_768;

/**
 * Seals the concatenation of `parts`: calls `write` with the ciphertext piece by piece, then with the tag, `sealedBytesOf` bytes in all.
 * `write` must copy each piece. The caller guarantees that no two different records are ever sealed with the same key and nonce.
 */
export function sealTo(
  key: SealKey,
  nonce: Uint8Array,
  parts: readonly Uint8Array[],
  associated: Uint8Array,
  write: (bytes: Uint8Array) => void,
): void {
  const cipher = encipher(key, nonce);
  cipher.setAAD(associated, { plaintextLength: bytesOf(parts) });
  for (const part of parts) {
    for (let from = 0; from < part.length; from += STEP_BYTES) {
      const step = cipher.update(part.subarray(from, from + STEP_BYTES));
      write(step);
      giveBack(step);
    }
  }
  cipher.final();
  write(cipher.getAuthTag());
}

/**
 * Frees the memory of a step at once, so that the next step gets the same again. Garbage collection frees it instead where the runtime
 * lacks `transfer` (ECMAScript 2024; Node 22, and 20 with --harmony-rab-gsab-transfer), and where it is part of a larger buffer.
 */
function giveBack(step: Uint8Array): void {
  const memory: ArrayBufferLike & { transfer?: (bytes: number) => ArrayBuffer } = step.buffer;
  if (memory.byteLength === step.length) memory.transfer?.(0);
}

/** `sealTo` into `target` at `at`. Returns the bytes written. */
export function sealInto(
  key: SealKey,
  nonce: Uint8Array,
  parts: readonly Uint8Array[],
  associated: Uint8Array,
  target: Uint8Array,
  at: number,
): number {
  const sealedBytes = sealedBytesOf(bytesOf(parts));
  assert(at + sealedBytes <= target.length, 'the sealed record fits its target');
  let end = at;
  sealTo(key, nonce, parts, associated, (bytes) => {
    target.set(bytes, end);
    end += bytes.length;
  });
  return sealedBytes;
}

const bytesOf = (parts: readonly Uint8Array[]) => parts.reduce((sum, part) => sum + part.length, 0);

/** Seals one record under the caller's nonce: ciphertext, then tag. */
export function sealWithNonce(
  key: SealKey,
  nonce: Uint8Array,
  plain: Uint8Array,
  associated: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const sealed = new Uint8Array(sealedBytesOf(plain.length));
  sealInto(key, nonce, [plain], associated, sealed, 0);
  return sealed;
}

/** Opens a record of `sealWithNonce`; null when key, nonce, associated data or a single bit differs. */
export function openWithNonce(
  key: SealKey,
  nonce: Uint8Array,
  sealed: Uint8Array,
  associated: Uint8Array,
): Uint8Array | null {
  if (sealed.length < SEAL_TAG_BYTES) return null;
  const plainBytes = sealed.length - SEAL_TAG_BYTES;
  const decipher = decipherer(key, nonce);
  decipher.setAAD(associated, { plaintextLength: plainBytes });
  decipher.setAuthTag(sealed.subarray(plainBytes));
  const plain = decipher.update(sealed.subarray(0, plainBytes));
  try {
    decipher.final();
  } catch {
    return null;
  }
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
}

/**
 * Seals one record under a random nonce: nonce, ciphertext, tag. For keys that seal few records (wrapped keys, commit records): 96 random
 * bits repeat with a chance of 2^-32 only after 2^32 records (NIST SP 800-38D §8.3).
 */
export function seal(key: SealKey, plain: Uint8Array, associated: Uint8Array, random: Random): Uint8Array {
  const nonce = random.bytes(SEAL_NONCE_BYTES);
  const sealed = new Uint8Array(SEAL_NONCE_BYTES + sealedBytesOf(plain.length));
  sealed.set(nonce);
  sealInto(key, nonce, [plain], associated, sealed, SEAL_NONCE_BYTES);
  return sealed;
}

/** Opens a record of `seal`; null when key, associated data or a single bit differs. */
export function open(key: SealKey, sealed: Uint8Array, associated: Uint8Array): Uint8Array | null {
  if (sealed.length < SEAL_NONCE_BYTES + SEAL_TAG_BYTES) return null;
  return openWithNonce(key, sealed.subarray(0, SEAL_NONCE_BYTES), sealed.subarray(SEAL_NONCE_BYTES), associated);
}

const TRIAL_BYTES = 131_072;
const TRIALS = 4;
/** AES in software is an order of magnitude slower than ChaCha20; with AES instructions the two are close. */
const CLEARLY_SLOWER = 2;

/** The result of this process's trial. */
let fitting: SealCipher | null = null;

/** The result of `triedCipher`, which runs once in this process, because the CPU stays the same. */
export function fittingCipher(clock: Clock): SealCipher {
  fitting ??= triedCipher(clock);
  return fitting;
}

/** AES-256-GCM, or ChaCha20-Poly1305 where a trial shows that this CPU is clearly slower at AES. Takes a few milliseconds. */
export function triedCipher(clock: Clock): SealCipher {
  const aesMs = trialMs('aes-256-gcm', clock);
  const chachaMs = trialMs('chacha20-poly1305', clock);
  return aesMs > CLEARLY_SLOWER * chachaMs ? 'chacha20-poly1305' : 'aes-256-gcm';
}

function trialMs(cipher: SealCipher, clock: Clock): number {
  // No key serves two ciphers, not even here.
  const key: SealKey = { cipher, secret: createHash('sha256').update(cipher).digest() };
  const plain = new Uint8Array(TRIAL_BYTES);
  const nonce = new Uint8Array(SEAL_NONCE_BYTES);
  let bestMs = Number.POSITIVE_INFINITY;
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const startMs = clock.monotonicMs();
    sealWithNonce(key, nonce, plain, nonce);
    bestMs = Math.min(bestMs, clock.monotonicMs() - startMs);
  }
  return bestMs;
}

function encipher(key: SealKey, nonce: Uint8Array): CipherGCM | CipherChaCha20Poly1305 {
  return key.cipher === 'aes-256-gcm'
    ? createCipheriv('aes-256-gcm', key.secret, nonce, { authTagLength: SEAL_TAG_BYTES })
    : createCipheriv('chacha20-poly1305', key.secret, nonce, { authTagLength: SEAL_TAG_BYTES });
}

function decipherer(key: SealKey, nonce: Uint8Array): DecipherGCM | DecipherChaCha20Poly1305 {
  return key.cipher === 'aes-256-gcm'
    ? createDecipheriv('aes-256-gcm', key.secret, nonce, { authTagLength: SEAL_TAG_BYTES })
    : createDecipheriv('chacha20-poly1305', key.secret, nonce, { authTagLength: SEAL_TAG_BYTES });
}
