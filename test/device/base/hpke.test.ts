// Encryption to a recipient's key agrees with an independent implementation of RFC 9180 in both directions, and opens nothing else.
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { describe, expect, it } from 'vitest';
import {
  decryptWith,
  encryptTo,
  generateSealingKey,
  importSealingKey,
  isSealingKey,
} from '../../../device/base/hpke.ts';
import { SeededRandom, SystemRandom } from '../../../device/base/random.ts';
import { fromBase64url, toBase64url, utf8 } from '../../../device/contract/bytes.ts';

/** Bytes of the encapsulated key in front of a message (RFC 9180 §7.1). */
const ENCAPSULATED_BYTES = 32;

const random = new SystemRandom();
const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const raw = (key: string) => Uint8Array.from(fromBase64url(key) ?? []).buffer;
const pair = generateSealingKey(random);
const under = { info: utf8('an info'), associated: utf8('associated') };
const plain = utf8('thirty-two bytes of a content key');

describe('encryption to a public key', () => {
  it('is opened by another implementation of RFC 9180', async () => {
    for (const length of [0, 1, 32, 5_000]) {
      const text = random.bytes(length);
      const message = encryptTo(pair.publicKey, text, under, random) ?? new Uint8Array();
      const recipientKey = await suite.kem.importKey('raw', raw(pair.exportSecret()), false);
      const enc = message.slice(0, ENCAPSULATED_BYTES).buffer;
      const given = { recipientKey, enc, info: Uint8Array.from(under.info).buffer };
      const recipient = await suite.createRecipientContext(given);
      const opened = await recipient.open(
        message.slice(ENCAPSULATED_BYTES).buffer,
        Uint8Array.from(under.associated).buffer,
      );
      expect(toBase64url(new Uint8Array(opened))).toBe(toBase64url(text));
    }
  });

  it('opens the messages of another implementation', async () => {
    const recipientPublicKey = await suite.kem.importKey('raw', raw(pair.publicKey), true);
    const sender = await suite.createSenderContext({ recipientPublicKey, info: Uint8Array.from(under.info).buffer });
    const sealed = await sender.seal(Uint8Array.from(plain).buffer, Uint8Array.from(under.associated).buffer);
    const message = Buffer.concat([new Uint8Array(sender.enc), new Uint8Array(sealed)]);
    expect(decryptWith(pair, message, under)).toEqual(plain);
  });

  it('derives the same key pair from the same material as another implementation', async () => {
    const material = new SeededRandom(7).bytes(32);
    const theirs = await suite.kem.deriveKeyPair(Uint8Array.from(material).buffer);
    const key = new Uint8Array(await suite.kem.serializePublicKey(theirs.publicKey));
    expect(generateSealingKey(new SeededRandom(7)).publicKey).toBe(toBase64url(key));
  });

  it('opens with its own key, info and associated data alone, and whole', () => {
    const message = encryptTo(pair.publicKey, plain, under, random) ?? new Uint8Array();
    expect(decryptWith(pair, message, under)).toEqual(plain);
    expect(decryptWith(generateSealingKey(random), message, under)).toBeNull();
    expect(decryptWith(pair, message, { ...under, info: utf8('another info') })).toBeNull();
    expect(decryptWith(pair, message, { ...under, associated: utf8('other') })).toBeNull();
    expect(decryptWith(pair, message, { info: under.info })).toBeNull();
    for (let at = 0; at < message.length; at += 1) {
      const changed = Uint8Array.from(message);
      changed[at] = (changed[at] ?? 0) ^ (at === 31 ? 1 : 128);
      expect(decryptWith(pair, changed, under), `bit of byte ${at}`).toBeNull();
    }
    for (let length = 0; length < message.length; length += 1)
      expect(decryptWith(pair, message.subarray(0, length), under), `${length} bytes`).toBeNull();
  });

  it('takes a new encapsulated key each time, and all of it from its source of randomness', () => {
    const [one, other] = [1, 2].map(() => encryptTo(pair.publicKey, plain, under, random) ?? new Uint8Array());
    expect(one?.subarray(0, ENCAPSULATED_BYTES)).not.toEqual(other?.subarray(0, ENCAPSULATED_BYTES));
    const [same, again] = [1, 2].map(() => encryptTo(pair.publicKey, plain, under, new SeededRandom(3)));
    expect(same).toEqual(again);
  });
});

// RFC 7748 §6.1; the encodings of the points whose order divides eight.
const LOW_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];

describe('a key that nothing may be encrypted to', () => {
  const ofLowOrder = LOW_ORDER.map((hex) => [
    `a point of low order, ${hex.slice(0, 8)}`,
    toBase64url(Buffer.from(hex, 'hex')),
  ]);
  it.each<[string, string]>([
    ...(ofLowOrder as [string, string][]),
    ['31 bytes', toBase64url(new Uint8Array(31).fill(9))],
    ['33 bytes', toBase64url(new Uint8Array(33).fill(9))],
    ['text that is not base64url', '!'.repeat(43)],
    ['no text', ''],
  ])('is %s', (_what, key) => {
    expect(isSealingKey(key)).toBe(false);
    expect(encryptTo(key, plain, under, random)).toBeNull();
  });

  it('is not an ordinary one', () => {
    expect(isSealingKey(pair.publicKey)).toBe(true);
  });
});

describe('a stored private key', () => {
  it('is the same pair again', () => {
    expect(importSealingKey(pair.exportSecret())?.publicKey).toBe(pair.publicKey);
  });

  it.each(['', 'x', toBase64url(new Uint8Array(31)), toBase64url(new Uint8Array(64))])('is not %j', (text) => {
    expect(importSealingKey(text)).toBeNull();
  });
});
