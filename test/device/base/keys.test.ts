// Holds: which keys can be pinned and which signatures verify, for Wycheproof's classes of edge cases. The vectors are our own, made here
// by big-integer arithmetic.
import { createPublicKey, verify } from 'node:crypto';
import { expect, it } from 'vitest';
import { importSigningKey, isPublicKey, verifySignature } from '../../../device/base/keys.ts';
import { toBase64url, utf8 } from '../../../device/contract/bytes.ts';
import {
  add,
  BASE,
  challenge,
  encode,
  encodeRaw,
  fromLittleEndian,
  IDENTITY,
  L,
  mod,
  multiply,
  P,
  pointAt,
  SMALL_ORDER,
  secretScalar,
  sign,
  toLittleEndian,
} from '../../support/edwards25519.ts';
import { proved } from '../../support/proved.ts';

interface Vector {
  class: string;
  key: Uint8Array;
  message: Uint8Array;
  signature: Uint8Array;
  verifies: boolean;
}

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const seed = hex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
const secret = secretScalar(seed);
const key = encode(multiply(secret, BASE));
const messages = Array.from({ length: 16 }, (_, at) => utf8(`grant number ${at}`));
const message = messages[0] ?? utf8('');
const honest = sign(secret, key, message, { nonce: 12_345n });
const [rBytes, sBytes] = [honest.slice(0, 32), honest.slice(32)];
const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const withS = (s: bigint) => join(rBytes, toLittleEndian(s));
const s = fromLittleEndian(sBytes);
const ff = (length: number) => new Uint8Array(length).fill(0xff);

/** Both halves as DER integers in a sequence, as ECDSA has them. */
function asDer(signature: Uint8Array): Uint8Array {
  const integer = (bytes: Uint8Array) => join(Uint8Array.of(2, bytes.length + 1, 0), bytes);
  const body = join(integer(signature.slice(0, 32)), integer(signature.slice(32)));
  return join(Uint8Array.of(0x30, body.length), body);
}

const reversed = (bytes: Uint8Array) => Uint8Array.from(bytes).reverse();

/** Altered signatures under one honest key. */
function bentSignatures(): Vector[] {
  const of = (name: string, signature: Uint8Array, verifies = false): Vector => {
    return { class: name, key, message, signature, verifies };
  };
  return [
    of('honest', honest, true),
    of('another nonce', sign(secret, key, message, { nonce: 54_321n }), true),
    // Only the signer can make these, and they sign the signer's own message, so they may verify.
    of('R of small order, by the signer', sign(secret, key, message, { nonce: 0n }), true),
    ...[L, 2n * L, 8n * L, 15n * L].map((by) => of('S not reduced', withS(s + by))),
    ...[0n, 1n, L - s, L, L + 1n, L - 1n, 2n ** 252n, 2n ** 253n, 2n ** 255n, 2n ** 256n - 1n].map((value) =>
      of('S of another value', withS(value)),
    ),
    ...[0, 1, 31, 32, 63].map((length) => of('cut short', honest.slice(0, length))),
    ...[1, 32, 64].map((more) => of('made longer', join(honest, new Uint8Array(more)))),
    of('made longer', join(new Uint8Array(1), honest)),
    of('ASN.1 confusion', asDer(honest)),
    of('ASN.1 confusion', asDer(honest).slice(0, 64)),
    of('halves swapped', join(sBytes, rBytes)),
    of('big-endian', join(rBytes, reversed(sBytes))),
    of('big-endian', join(reversed(rBytes), reversed(sBytes))),
    of('all zero', new Uint8Array(64)),
    of('all ones', ff(64)),
    of('R negated', join(encodeRaw(fromLittleEndian(rBytes) ^ (1n << 255n), 0n), sBytes)),
    of('R not on the curve', join(encode({ x: 0n, y: 2n }), sBytes)),
    ...SMALL_ORDER.slice(1).map((twist) =>
      of('R of mixed order', sign(secret, key, message, { nonce: 12_345n, twist })),
    ),
    // The identity's y is 1; p + 1 encodes the same point, and so does a sign bit for x = 0.
    ...[encodeRaw(P + 1n, 0n), encodeRaw(1n, 1n), encodeRaw(P + 1n, 1n)].map((other) =>
      of('R with a second spelling', sign(secret, key, message, { nonce: 0n, rBytes: other })),
    ),
    ...Array.from({ length: 512 }, (_, bit) => {
      const bytes = Uint8Array.from(honest);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return of('one bit flipped', bytes);
    }),
    ...messages.slice(1).map((other) => ({ ...of('another message', honest), message: other })),
  ];
}

/** Every encoding of the eight points of small order. */
function smallOrderKeys(): Uint8Array[] {
  return SMALL_ORDER.flatMap(({ y }) => [y, y + P])
    .filter((y) => y < 2n ** 255n)
    .flatMap((y) => [encodeRaw(y, 0n), encodeRaw(y, 1n)]);
}

/** A signature that anybody can make under a key of small order: R = -hA with S = 0, for each R of small order. */
function universal(publicKey: Uint8Array, text: Uint8Array): Uint8Array[] {
  return [
    ...SMALL_ORDER.map((point) => join(encode(point), new Uint8Array(32))),
    sign(0n, publicKey, text, { nonce: 7n }),
  ];
}

const unpinnable: Vector[] = [
  ...smallOrderKeys().flatMap((bad) =>
    messages.flatMap((text) =>
      universal(bad, text).map((signature) => ({
        class: 'key of small order',
        key: bad,
        message: text,
        signature,
        verifies: false,
      })),
    ),
  ),
  ...Array.from({ length: 19 }, (_, at) => P + BigInt(at)).flatMap((y) =>
    [0n, 1n].map((bit) => ({
      class: 'key with y not reduced',
      key: encodeRaw(y, bit),
      message,
      signature: honest,
      verifies: false,
    })),
  ),
  ...[0, 1, 31, 33, 64].map((length) => ({
    class: 'key of another length',
    key: ff(length),
    message,
    signature: honest,
    verifies: false,
  })),
];

const nothingVerifies: Vector[] = [
  ...Array.from({ length: 40 }, (_, at) => BigInt(at + 2))
    .filter((y) => !pointAt(y, false))
    .map((y) => ({
      class: 'key not on the curve',
      key: encodeRaw(y, 0n),
      message,
      signature: honest,
      verifies: false,
    })),
  { class: 'key of another party', key: encode(multiply(77n, BASE)), message, signature: honest, verifies: false },
  {
    class: 'key negated',
    key: encodeRaw(fromLittleEndian(key) ^ (1n << 255n), 0n),
    message,
    signature: honest,
    verifies: false,
  },
];

/** A key with a component of small order: its holder's signatures verify only if that component happens to cancel. */
const mixedKeys: Vector[] = SMALL_ORDER.slice(1).flatMap((twist, at) => {
  const mixed = encode(add(multiply(secret, BASE), twist));
  return messages.map((text) => {
    const signature = sign(secret, mixed, text, { nonce: 99n });
    const h = challenge(signature.slice(0, 32), mixed, text);
    const cancels = (h * BigInt(at + 1)) % 8n === 0n;
    return { class: 'key of mixed order', key: mixed, message: text, signature, verifies: cancels };
  });
});

it('checks this file’s arithmetic against RFC 8032: the key of §7.1 test 1 and a signature by OpenSSL', () => {
  expect(Buffer.from(key).toString('hex')).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
  const signing = importSigningKey(toBase64url(seed));
  expect(signing?.publicKey).toBe(toBase64url(key));
  const theirs = signing?.sign(message) ?? new Uint8Array();
  const nonceFree = { r: theirs.slice(0, 32), s: fromLittleEndian(theirs.slice(32)) };
  const left = multiply(nonceFree.s, BASE);
  const h = challenge(nonceFree.r, key, message);
  expect(encode(add(left, multiply(mod(-h * secret, L), BASE)))).toEqual(nonceFree.r);
  expect(multiply(L, BASE)).toEqual(IDENTITY);
});

it('accepts no message under a key of small order, although the bare library does', () => {
  const identity = encode(IDENTITY);
  const anything = utf8('open the door');
  const signature = join(identity, new Uint8Array(32));
  const bare = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: toBase64url(identity) }, format: 'jwk' });
  expect(verify(null, anything, bare, signature)).toBe(true);
  expect(verifySignature(toBase64url(identity), anything, signature)).toBe(false);
});

it('pins no key of small order, none with a second encoding and none of another length', () => {
  for (const { class: name, key: bad } of unpinnable) {
    expect([name, toBase64url(bad), isPublicKey(toBase64url(bad))]).toEqual([name, toBase64url(bad), false]);
  }
  expect(isPublicKey(toBase64url(key))).toBe(true);
  expect(isPublicKey(`${toBase64url(key)}=`)).toBe(false);
});

it('accepts exactly the valid signatures of each class', (test) => {
  const vectors = [...bentSignatures(), ...unpinnable, ...nothingVerifies, ...mixedKeys];
  const wrong = vectors.filter(
    (one) => verifySignature(toBase64url(one.key), one.message, one.signature) !== one.verifies,
  );
  expect(wrong.map((one) => [one.class, toBase64url(one.key), toBase64url(one.signature)])).toEqual([]);
  const classes = new Set(vectors.map((one) => one.class));
  expect(vectors.filter((one) => one.verifies).length).toBeGreaterThan(3);
  proved(test, 'Ed25519 edge cases judged as they should be', `${vectors.length} vectors in ${classes.size} classes`);
});
