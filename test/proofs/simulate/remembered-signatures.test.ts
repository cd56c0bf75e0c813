import crypto from 'node:crypto';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { generateSigningKey, type SigningKey, verifySignature } from '../../../device/base/keys.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { rememberSignatures } from './remembered-signatures.ts';

const random = new SeededRandom(3);
const data = new TextEncoder().encode('a grant');
const machines = crypto.verify;
let counted = vi.fn(machines);
let restore: () => void = () => undefined;
let key: SigningKey;
beforeEach(() => {
  key = generateSigningKey(random);
  counted = vi.fn(machines);
  Object.assign(crypto, { verify: counted });
  restore = rememberSignatures();
});
afterEach(() => {
  restore();
  Object.assign(crypto, { verify: machines });
});

it('verifies the same signature once', () => {
  const signature = key.sign(data);
  for (let times = 0; times < 3; times += 1) expect(verifySignature(key.publicKey, data, signature)).toBe(true);
  expect(counted).toHaveBeenCalledTimes(1);
});

it('verifies again if one bit of the data, the signature or the key differs', () => {
  const signature = key.sign(data);
  expect(verifySignature(key.publicKey, data, signature)).toBe(true);
  const bent = (bytes: Uint8Array) => bytes.with(5, (bytes[5] ?? 0) ^ 1);
  for (let times = 0; times < 2; times += 1) {
    expect(verifySignature(key.publicKey, bent(data), signature)).toBe(false);
    expect(verifySignature(key.publicKey, data, bent(signature))).toBe(false);
    expect(verifySignature(generateSigningKey(random).publicKey, data, signature)).toBe(false);
  }
  // The fourth and the seventh key are new.
  expect(counted).toHaveBeenCalledTimes(5);
});

it('does not confuse the end of a signature with the beginning of the data', () => {
  const signature = key.sign(data);
  expect(verifySignature(key.publicKey, data, signature)).toBe(true);
  const object = crypto.createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key.publicKey }, format: 'jwk' });
  const shifted = Buffer.concat([signature.subarray(63), data]);
  expect(crypto.verify(null, shifted, object, signature.subarray(0, 63))).toBe(false);
});

it('changes no other use of the function, and restores it', () => {
  const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const signature = crypto.sign('sha256', data, rsa.privateKey);
  for (let times = 0; times < 2; times += 1) expect(crypto.verify('sha256', data, rsa.publicKey, signature)).toBe(true);
  expect(counted).toHaveBeenCalledTimes(2);
  restore();
  expect(crypto.verify).toBe(counted);
});
