// Checks every encryption of a run: no key may seal two different records under one nonce (NIST SP 800-38D §8), and no content key two
// files. It wraps the platform's ciphers and key derivation, so that nothing in this process escapes it.
import crypto, { type CipherGCM } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** What the key of a sealed file is derived for. */
const FILE_INFO = 'doorsill sealed file';

/**
 * Calls `breach` for each nonce that a key is used with for other bytes than before, until the returned function is called. Records are
 * compared by their tags: for one key and nonce equal tags mean equal records, but for a chance of 2^-100 (NIST SP 800-38D §5.2). A cipher
 * without a tag throws at its end. `sealed` has the tags of earlier records by key and nonce, and gets the new ones. Also calls `breach` for
 * each key that seals a second file (base/sealed-file.ts): a file has one salt, which `sealed` has by the file's key.
 */
export function watchCiphers(breach: (what: string) => void, sealed: Map<string, string> = new Map()): () => void {
  const before = crypto.createCipheriv;
  const derivedBefore = crypto.hkdfSync;
  const watched = new Proxy(before, {
    apply: (target, self, args) => {
      const cipher: CipherGCM = Reflect.apply(target, self, args);
      const [key, nonce]: readonly Uint8Array[] = args.slice(1);
      if (!key || !nonce) return cipher;
      // Copied, because the caller may destroy them once the record is sealed.
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
  const derived = new Proxy(derivedBefore, {
    apply: (target, self, args) => {
      const [secret, salt, info]: readonly Uint8Array[] = args.slice(1);
      if (secret && salt && info && latin1(info) === FILE_INFO) {
        const [place, file] = [`file ${latin1(secret)}`, latin1(salt)];
        if ((sealed.get(place) ?? file) !== file) breach('a key seals two files');
        sealed.set(place, file);
      }
      return Reflect.apply(target, self, args);
    },
  });
  Object.assign(crypto, { createCipheriv: watched, hkdfSync: derived });
  syncBuiltinESMExports();
  return () => {
    Object.assign(crypto, { createCipheriv: before, hkdfSync: derivedBefore });
    syncBuiltinESMExports();
  };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
