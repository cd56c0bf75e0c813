// Holds: the page's synchronous signature checks and hashes agree with node's, also on forged and malformed input.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { generateSigningKey, sha256Hex, verifySignature } from '../../../../device/base/keys.ts';
import { SystemRandom } from '../../../../device/base/random.ts';
import { tokenCrypto } from '../../../../device/console-page/kit/token-crypto.ts';
import { toBase64url, utf8 } from '../../../../device/contract/bytes.ts';

const random = new SystemRandom();
const key = generateSigningKey(random);
const other = generateSigningKey(random);
/** The order of the group (RFC 8032 §5.1). */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The same signature with S + L, which a careless check accepts (RFC 8032 §8.4). */
function malleated(signature: Uint8Array): Uint8Array {
  const bytes = signature.slice();
  const s = bytes.subarray(32).reduceRight((sum, byte) => (sum << 8n) + BigInt(byte), 0n) + L;
  for (let at = 0; at < 32; at += 1) bytes[32 + at] = Number((s >> BigInt(8 * at)) & 0xffn);
  return bytes;
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  const at = Math.floor(bit / 8) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
  return copy;
}

it('agrees with node on signatures of all kinds', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(511), (data, bit) => {
      const good = key.sign(data);
      const cases: [string, Uint8Array, Uint8Array][] = [
        [key.publicKey, data, good],
        [other.publicKey, data, good],
        [key.publicKey, Uint8Array.of(...data, 1), good],
        [key.publicKey, data, flipped(good, bit)],
        [key.publicKey, data, malleated(good)],
        [key.publicKey, data, good.subarray(1)],
        [key.publicKey, data, new Uint8Array(64)],
        [key.publicKey.slice(1), data, good],
        ['', data, good],
      ];
      const said = cases.map((one) => tokenCrypto.verify(...one));
      expect(said).toEqual(cases.map((one) => verifySignature(...one)));
      expect(said.slice(0, 2)).toEqual([true, false]);
    }),
    { numRuns: 60 },
  );
});

it('accepts no signature by a key of small order, because anybody can forge one', () => {
  const identity = Uint8Array.of(1, ...new Uint8Array(31));
  // R = A = the identity, S = 0 satisfies the equation for every message, unless the key is checked.
  const signature = Uint8Array.of(...identity, ...new Uint8Array(32));
  expect(tokenCrypto.verify(toBase64url(identity), utf8('anything'), signature)).toBe(false);
});

it('hashes texts and bytes as node does', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(tokenCrypto.sha256Hex(text)).toBe(sha256Hex(text));
      expect(tokenCrypto.sha256Hex(utf8(text))).toBe(sha256Hex(utf8(text)));
    }),
  );
});
