// The two text files of minisign: a public key, and the detached signature of a file with its trusted comment.
import { blake2b512, type PublicKey, type SigningKey, verifySignature } from '@doorsill/base/keys';
import { fromBase64url, fromUtf8, toBase64url, toHex, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';

/** Limit of signature and key files, which have some hundred bytes. */
export const MINISIGN_BYTES_MAX = 4_096;
/** Bytes of a key's id. */
export const KEY_ID_BYTES = 8;

/** `Ed`: an Ed25519 key. `ED`: a signature over the file's BLAKE2b hash of 64 bytes, the only kind that minisign makes today. */
const KEY_KIND = utf8('Ed');
const PREHASHED_KIND = utf8('ED');
const TRUSTED = 'trusted comment: ';
const UNTRUSTED = 'untrusted comment: ';
/** Minisign's own limit of a comment. */
const COMMENT_LETTERS_MAX = 1_024;

/** A key that signs releases. Its id is random bytes that only name it. */
export interface MinisignKey {
  id: Uint8Array;
  publicKey: PublicKey;
}

/** The public key file, as minisign writes it. */
export function printMinisignKey({ id, publicKey }: MinisignKey): string {
  const key = fromBase64url(publicKey);
  if (!key) throw failure('usage', { detail: 'that is not a public key' });
  return `${UNTRUSTED}minisign public key ${nameOfKey(id)}\n${base64([KEY_KIND, id, key])}\n`;
}

/** The key in a public key file; null when the text is not one. Its comment may be anything, or missing. */
export function parseMinisignKey(text: string): MinisignKey | null {
  const lines = text.split('\n').filter((line) => line !== '');
  const bytes = fromBase64(lines.at(-1) ?? '');
  if (lines.length > 2 || bytes?.length !== 42 || !startsWith(bytes, KEY_KIND)) return null;
  return { id: bytes.slice(2, 10), publicKey: toBase64url(bytes.subarray(10)) };
}

/** A key's id as minisign prints it: hexadecimal, with the last byte first. */
export function nameOfKey(id: Uint8Array): string {
  return toHex(Uint8Array.from(id).reverse()).toUpperCase();
}

/** The signature file of `data`. The trusted comment is one line, and signed with the data. */
export function signAsMinisign(data: Uint8Array, id: Uint8Array, key: SigningKey, trustedComment: string): string {
  const signature = key.sign(blake2b512(data));
  const whole = key.sign(Buffer.concat([signature, utf8(trustedComment)]));
  return [
    `${UNTRUSTED}signature of a doorsill release`,
    base64([PREHASHED_KIND, id, signature]),
    `${TRUSTED}${trustedComment}`,
    base64([whole]),
    '',
  ].join('\n');
}

/**
 * Checks the signature file of `data` against the one pinned key; returns its trusted comment. Throws `update_unsigned` when it is
 * not a signature file, `update_key_foreign` when another key made it, `update_altered` when data, comment or signature differ.
 */
export function verifyMinisign(data: Uint8Array, signatureFile: Uint8Array | null, pinned: MinisignKey): string {
  const { id, signature, trustedComment, whole } = parseSignature(signatureFile);
  if (nameOfKey(id) !== nameOfKey(pinned.id)) {
    throw failure('update_key_foreign', { signer: nameOfKey(id), pinned: nameOfKey(pinned.id) });
  }
  const signed = Buffer.concat([signature, utf8(trustedComment)]);
  if (!verifySignature(pinned.publicKey, signed, whole)) throw failure('update_altered', { detail: 'the signature' });
  if (!verifySignature(pinned.publicKey, blake2b512(data), signature)) {
    throw failure('update_altered', { detail: 'the release' });
  }
  return trustedComment;
}

function parseSignature(file: Uint8Array | null) {
  const unsigned = (detail: string) => failure('update_unsigned', { detail });
  if (file === null) throw unsigned('its signature file is missing');
  const text = file.length > MINISIGN_BYTES_MAX ? null : fromUtf8(file);
  const [first = '', signatureLine = '', comment = '', wholeLine = '', ...rest] = text?.split('\n') ?? [];
  const signature = fromBase64(signatureLine);
  const whole = fromBase64(wholeLine);
  if (!first.startsWith(UNTRUSTED) || !comment.startsWith(TRUSTED) || rest.join('') !== '') {
    throw unsigned('its signature file is not one of minisign');
  }
  if (signature?.length !== 74 || whole?.length !== 64 || comment.length > COMMENT_LETTERS_MAX) {
    throw unsigned('its signature is cut off or damaged');
  }
  if (!startsWith(signature, PREHASHED_KIND))
    throw unsigned('its signature is of a kind that minisign no longer makes');
  const trustedComment = comment.slice(TRUSTED.length);
  return { id: signature.subarray(2, 10), signature: signature.subarray(10), trustedComment, whole };
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return start.every((byte, at) => bytes[at] === byte);
}

function base64(parts: readonly Uint8Array[]): string {
  return Buffer.concat(parts).toString('base64');
}

/** Decodes only the canonical base64 of some bytes; null for any other text. */
function fromBase64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : null;
}
