// Owns: hashing and signature checks for the contract's readers, which are synchronous, in the browser. Not here: the owner's key, which
// the browser keeps and signs with itself (owner-key.ts); the same in node (base/keys.ts).

import { fromBase64url, toHex, utf8 } from '@doorsill/contract/bytes';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';

/** As `TokenCrypto` and `CustodyCrypto`. A malformed key or signature verifies nothing. */
export const tokenCrypto = {
  sha256,
  sha256Hex: (data: Uint8Array | string): string => toHex(sha256(typeof data === 'string' ? utf8(data) : data)),
  verify(publicKey: string, data: Uint8Array, signature: Uint8Array): boolean {
    const key = fromBase64url(publicKey);
    if (key?.length !== 32 || signature.length !== 64) return false;
    try {
      // By RFC 8032, as node does: ZIP 215 would accept more signatures.
      return ed25519.verify(signature, data, key, { zip215: false });
    } catch {
      return false;
    }
  },
};
