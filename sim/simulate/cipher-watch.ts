// Owns: holding every encryption of a simulated town to what both ciphers rest on: no key seals two different records under one nonce
// (NIST SP 800-38D §8). It wraps the platform's own ciphers, so nothing that runs in this process escapes it. Not here: the ciphers' use (device/base).
import crypto, { type CipherGCM, createHash } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** Has `breach` told of each nonce that a key is used with for other bytes than before, until what is returned is called. */
export function watchCiphers(breach: (what: string) => void): () => void {
  const before = crypto.createCipheriv;
  /** A hash of what was sealed, by a hash of key and nonce. */
  const sealed = new Map<string, string>();
  const watched = new Proxy(before, {
    apply: (target, self, args) => {
      const cipher: CipherGCM = Reflect.apply(target, self, args);
      const [key, nonce]: readonly Uint8Array[] = args.slice(1);
      if (!key || !nonce) return cipher;
      const place = createHash('sha256').update(key).update(nonce).digest('base64');
      return noting(cipher, (digest) => {
        if ((sealed.get(place) ?? digest) !== digest)
          breach(`a key seals two records under the nonce ${Buffer.from(nonce).toString('hex')}`);
        sealed.set(place, digest);
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

/** The cipher, which tells `done` a hash of its associated data and its plain bytes once it has sealed them. */
function noting(cipher: CipherGCM, done: (digest: string) => void): CipherGCM {
  const hash = createHash('sha256');
  const { setAAD, update, final } = cipher;
  return Object.assign(cipher, {
    setAAD: (associated: Uint8Array, options: object) => {
      hash.update(associated);
      Reflect.apply(setAAD, cipher, [associated, options]);
      return cipher;
    },
    update: (plain: Uint8Array) => {
      hash.update(plain);
      return Reflect.apply(update, cipher, [plain]);
    },
    final: () => {
      done(hash.digest('base64'));
      return Reflect.apply(final, cipher, []);
    },
  });
}
