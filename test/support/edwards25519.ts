// The arithmetic of edwards25519 in big integers (RFC 8032 §5.1), to make keys and signatures that no honest signer makes. Slow, not
// constant in time, for tests alone.
import { createHash } from 'node:crypto';

/** The field's prime and the base point's order. */
export const P = 2n ** 255n - 19n;
export const L = 2n ** 252n + 27742317777372353535851937790883648493n;

export interface Point {
  x: bigint;
  y: bigint;
}

export const mod = (value: bigint, by: bigint = P): bigint => ((value % by) + by) % by;

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, mod(base)];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}

const inverse = (value: bigint): bigint => power(value, P - 2n);
const D = mod(-121665n * inverse(121666n));
const ROOT_OF_MINUS_1 = power(2n, (P - 1n) / 4n);

export const IDENTITY: Point = { x: 0n, y: 1n };

/** A point in extended coordinates (RFC 8032 §5.1.4): x is x/z, y is y/z, and t is xy/z. Sums need no inverse. */
interface Extended extends Point {
  z: bigint;
  t: bigint;
}

const extended = ({ x, y }: Point): Extended => ({ x, y, z: 1n, t: mod(x * y) });

function affine({ x, y, z }: Extended): Point {
  const by = inverse(z);
  return { x: mod(x * by), y: mod(y * by) };
}

function sum(one: Extended, other: Extended): Extended {
  const a = mod((one.y - one.x) * (other.y - other.x));
  const b = mod((one.y + one.x) * (other.y + other.x));
  const c = mod(2n * D * one.t * other.t);
  const d = 2n * one.z * other.z;
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return { x: mod(e * f), y: mod(g * h), z: mod(f * g), t: mod(e * h) };
}

export const add = (a: Point, b: Point): Point => affine(sum(extended(a), extended(b)));

export function multiply(scalar: bigint, point: Point): Point {
  let [result, double] = [extended(IDENTITY), extended(point)];
  for (let left = scalar; left > 0n; left >>= 1n) {
    if (left & 1n) result = sum(result, double);
    double = sum(double, double);
  }
  return affine(result);
}

/** The point with this y and an x of this parity; null when the curve has none. */
export function pointAt(y: bigint, odd: boolean): Point | null {
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x) !== square) x = mod(x * ROOT_OF_MINUS_1);
  if (mod(x * x) !== square) return null;
  return { x: (x & 1n) === (odd ? 1n : 0n) ? x : mod(-x), y: mod(y) };
}

export function toLittleEndian(value: bigint, length = 32): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn));
}

export function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** 32 bytes with this y, reduced or not, and this sign bit. */
export function encodeRaw(y: bigint, sign: bigint): Uint8Array {
  return toLittleEndian(y | (sign << 255n));
}

export function encode(point: Point): Uint8Array {
  return encodeRaw(point.y, point.x & 1n);
}

const baseY = mod(4n * inverse(5n));
const found = pointAt(baseY, false);
if (!found) throw new Error('the base point is on the curve');
export const BASE: Point = found;

/** A point of order 8; its multiples are the eight points of small order. */
const eighth = pointAt(
  fromLittleEndian(Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex')),
  false,
);
if (!eighth) throw new Error('the point of order 8 is on the curve');
export const SMALL_ORDER: readonly Point[] = Array.from({ length: 8 }, (_, times) => multiply(BigInt(times), eighth));

const sha512 = (...parts: Uint8Array[]): Uint8Array => createHash('sha512').update(Buffer.concat(parts)).digest();

/** The secret scalar of a 32-byte seed. */
export function secretScalar(seed: Uint8Array): bigint {
  const hash = sha512(seed).subarray(0, 32);
  hash[0] = (hash[0] ?? 0) & 248;
  hash[31] = ((hash[31] ?? 0) & 63) | 64;
  return fromLittleEndian(hash);
}

/** The hash that a signature commits to: of R, the public key and the message, all as bytes. */
export function challenge(r: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint {
  return mod(fromLittleEndian(sha512(r, publicKey, message)), L);
}

/** What `sign` may be bent to. */
export interface Bend {
  /** The nonce; any other than RFC 8032's gives another valid signature over the same message. */
  nonce: bigint;
  /** Added to R: a point of small order. */
  twist?: Point;
  /** R's bytes, if not the encoding of the point. */
  rBytes?: Uint8Array;
}

/** Signs with a secret scalar and a nonce of one's choice. */
export function sign(secret: bigint, publicKey: Uint8Array, message: Uint8Array, bend: Bend): Uint8Array {
  const r = multiply(mod(bend.nonce, L), BASE);
  const rBytes = bend.rBytes ?? encode(bend.twist ? add(r, bend.twist) : r);
  const s = mod(bend.nonce + challenge(rBytes, publicKey, message) * secret, L);
  return Buffer.concat([rBytes, toLittleEndian(s)]);
}
