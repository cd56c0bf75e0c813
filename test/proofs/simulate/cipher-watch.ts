// Owns: holding every encryption of a simulated town to what both ciphers rest on: no key seals two different records under one nonce
// (NIST SP 800-38D §8). It wraps the platform's own ciphers, so nothing that runs in this process escapes it. Not here: the ciphers' use (device/base).
import crypto, { type CipherGCM } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/**
 * Has `breach` told of each nonce that a key is used with for other bytes than before, until what is returned is called. Records are told
 * apart by their tags: of one key and nonce a tag is the same for the same record alone, but for a chance of 2^-100 (NIST SP 800-38D §5.2).
 * A cipher without a tag throws as it ends. `sealed`: the tag of what was sealed before, by key and nonce; what is sealed now is added.
 */
export function watchCiphers(breach: (what: string) => void, sealed: Map<string, string> = new Map()): () => void {
  const before = crypto.createCipheriv;
  const watched = new Proxy(before, {
    apply: (target, self, args) => {
      const cipher: CipherGCM = Reflect.apply(target, self, args);
      const [key, nonce]: readonly Uint8Array[] = args.slice(1);
      if (!key || !nonce) return cipher;
      // Whoever made them may destroy them once the record is sealed.
      const place = `${latin1(key)} ${latin1(nonce)}`;
      const { final } = cipher;
      return Object.assign(cipher, {
        final: () => {
          const last = Reflect.apply(final, cipher, []);
          const tag = latin1(cipher.getAuthTag());
          if ((sealed.get(place) ?? tag) !== tag)
            breach(`a key seals two records under the nonce ${Buffer.from(nonce).toString('hex')}`);
          sealed.set(place, tag);
          return last;
        },
      });
    },
  });
  Object.assign(crypto, { createCipheriv: watched });
  syncBuiltinESMExports();
  return () => {
    Object.assign(crypto, { createCipheriv: before });
    syncBuiltinESMExports();
  };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
