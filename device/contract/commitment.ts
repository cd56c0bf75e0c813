// A salted hash of a text: it shows nothing of the text until the salt is shown, and then that it was this text and no other.
import { concatBytes, toHex, utf8 } from './bytes.ts';
import type { Sha256 } from './merkle.ts';

/** Bytes of a commitment's salt. Fixed, so that salt and text can be told apart in one way only. */
export const SALT_BYTES = 32;

/** SHA-256 of the salt and the text, as hex. */
export function commitmentOf(salt: Uint8Array, text: string, sha256: Sha256): string {
  return toHex(sha256(concatBytes([salt, utf8(text)])));
}
