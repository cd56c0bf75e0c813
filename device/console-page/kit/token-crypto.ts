// Hashing and signature checks for the contract's readers, which are synchronous; Web Crypto is not. Same as base/keys.ts for node.

import { fromBase64url, toHex, utf8 } from '@doorsill/contract/bytes';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';

/** Implements `TokenCrypto` and `CustodyCrypto`. A malformed key or signature does not verify. */
export const tokenCrypto = {
  sha256,
  sha256Hex: (data: Uint8Array | string): string => toHex(sha256(typeof data === 'string' ? utf8(data) : data)),
  verify(publicKey: string, data: Uint8Array, signature: Uint8Array): boolean {
    const key = fromBase64url(publicKey);
    if (key?.length !== 32 || signature.length !== 64) return false;
    try {
      // Strictly RFC 8032, as node does: ZIP 215 accepts more signatures.
      return ed25519.verify(signature, data, key, { zip215: false });
    } catch {
      return false;
    }
  },
};
