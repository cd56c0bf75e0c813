// Secrets at rest: wrapping under the device key, and files that hold a wrapped secret.

import type { Disk } from '@doorsill/base/disk';
import type { Random } from '@doorsill/base/random';
import {
  generateSealKey,
  open,
  SEAL_CIPHERS,
  SEAL_KEY_BYTES,
  type SealCipher,
  type SealKey,
  seal,
} from '@doorsill/base/seal';
import { concatBytes, equalBytes, fromBase64url, fromUtf8, toBase64url, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { z } from 'zod';

/** Wraps the device's other keys. A passphrase or a TPM could replace the file without changes elsewhere. */
export interface KeyWrapper {
  /** Seals a secret for `purpose`; it can be opened for no other. */
  wrap(secret: Uint8Array, purpose: string): Promise<Uint8Array>;
  /** The secret; null if it was wrapped under another device key, for another purpose, or was altered. */
  unwrap(wrapped: Uint8Array, purpose: string): Promise<Uint8Array | null>;
}

const DEVICE_KEY_MAGIC = utf8('DSDEVKEY');
const WRAPPED_BYTES_MAX = 65_536;

/** A device key in a file of its own (0600). Anyone with this file and the ring's can read the ring. */
export class FileDeviceKey implements KeyWrapper {
  private readonly disk: Disk;
  private readonly random: Random;
  private readonly path: string;
  private loading: Promise<SealKey> | null = null;

  constructor(disk: Disk, random: Random, path: string) {
    this.disk = disk;
    this.random = random;
    this.path = path;
  }

  async wrap(secret: Uint8Array, purpose: string): Promise<Uint8Array> {
    return seal(await this.load(), secret, utf8(`doorsill wrap ${purpose}`), this.random);
  }

  async unwrap(wrapped: Uint8Array, purpose: string): Promise<Uint8Array | null> {
    return open(await this.load(), wrapped, utf8(`doorsill wrap ${purpose}`));
  }

  /** Loads or makes the key once, so that two first callers don't make two. Throws `state_damaged` for a file that is not a device key. */
  private load(): Promise<SealKey> {
    this.loading ??= this.readOrMake().catch((thrown: unknown) => {
      this.loading = null;
      throw thrown;
    });
    return this.loading;
  }

  private async readOrMake(): Promise<SealKey> {
    const stored = await this.disk.readSecret(this.path, WRAPPED_BYTES_MAX);
    if (stored) {
      const magic = stored.subarray(0, DEVICE_KEY_MAGIC.length);
      const secret = stored.slice(DEVICE_KEY_MAGIC.length);
      if (!equalBytes(magic, DEVICE_KEY_MAGIC) || secret.length !== SEAL_KEY_BYTES) {
        throw failure('state_damaged', { file: this.path, detail: 'it is not a device key' });
      }
      return { cipher: 'aes-256-gcm', secret };
    }
    const made = generateSealKey(this.random);
    await this.disk.replaceFile(this.path, concatBytes([DEVICE_KEY_MAGIC, made.secret]));
    return made;
  }
}

/** A small file that holds one wrapped secret. */
export class WrappedFile {
  private readonly disk: Disk;
  private readonly wrapper: KeyWrapper;
  private readonly path: string;
  private readonly purpose: string;

  constructor(disk: Disk, wrapper: KeyWrapper, path: string, purpose: string) {
    this.disk = disk;
    this.wrapper = wrapper;
    this.path = path;
    this.purpose = purpose;
  }

  /** The secret; 'absent' without a file, 'unreadable' if it cannot be opened under this device key. */
  async read(): Promise<Uint8Array | 'absent' | 'unreadable'> {
    const wrapped = await this.disk.readSecret(this.path, WRAPPED_BYTES_MAX);
    if (!wrapped) return 'absent';
    return (await this.wrapper.unwrap(wrapped, this.purpose)) ?? 'unreadable';
  }

  /** Replaces the secret in one durable step. */
  async write(secret: Uint8Array): Promise<void> {
    await this.disk.replaceFile(this.path, await this.wrapper.wrap(secret, this.purpose));
  }

  /**
   * Replaces the secret and overwrites the old one: a replaced file's bytes stay in free blocks, which a handle opened before still
   * reaches. (A flash controller may keep a copy all the same: README.md.)
   */
  async replaceForGood(secret: Uint8Array, random: Random): Promise<void> {
    const sizeBytes = await this.disk.sizeOf(this.path);
    if (sizeBytes === null) return this.write(secret);
    const old = await this.disk.open(this.path, { create: false });
    try {
      await this.write(secret);
      await old.write(0, random.bytes(Math.min(sizeBytes, WRAPPED_BYTES_MAX)));
      await old.sync();
    } finally {
      await old.close();
    }
  }
}

const secretSchema = z.string().transform((text, context) => {
  const secret = fromBase64url(text);
  if (secret?.length === SEAL_KEY_BYTES) return secret;
  context.addIssue('not a key');
  return z.NEVER;
});

/** A seal key inside a wrapped JSON document. */
export const sealKeySchema = z.strictObject({ cipher: z.enum(SEAL_CIPHERS), secret: secretSchema });

/** The inverse of `sealKeySchema`. */
export function sealKeyToJson(key: SealKey): { cipher: SealCipher; secret: string } {
  return { cipher: key.cipher, secret: toBase64url(key.secret) };
}

/** Parses a wrapped JSON document; null if it is invalid. */
export function parseWrappedJson<Schema extends z.ZodType>(bytes: Uint8Array, schema: Schema): z.infer<Schema> | null {
  const text = fromUtf8(bytes);
  if (text === null) return null;
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/**
 * A key in a file of its own, made at first use. Throws `state_damaged` if the file cannot be opened under this device key; a lost key
 * is never silently replaced.
 */
export async function loadOrCreateSealKey(
  disk: Disk,
  random: Random,
  wrapper: KeyWrapper,
  path: string,
  purpose: string,
  cipher: SealCipher = 'aes-256-gcm',
): Promise<SealKey> {
  const file = new WrappedFile(disk, wrapper, path, purpose);
  const stored = await file.read();
  if (stored === 'absent') {
    const made = generateSealKey(random, cipher);
    await file.write(utf8(JSON.stringify(sealKeyToJson(made))));
    return made;
  }
  const key = stored === 'unreadable' ? null : parseWrappedJson(stored, sealKeySchema);
  if (!key) throw failure('state_damaged', { file: path, detail: 'it was wrapped under another device key' });
  return key;
}
