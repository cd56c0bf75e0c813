// Hashes of an append-only Merkle tree, and the check of its proofs (RFC 6962 §2.1, RFC 9162 §2.1). SHA-256 is passed in.
import { concatBytes, equalBytes } from './bytes.ts';

/** SHA-256 of bytes, supplied by the caller. */
export type Sha256 = (data: Uint8Array) => Uint8Array;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Hash of a leaf. Its prefix differs from a node's, so that neither passes for the other (RFC 9162 §2.1.1). */
export function leafHash(data: Uint8Array, sha256: Sha256): Uint8Array {
  return sha256(concatBytes([LEAF, data]));
}

/** Hash of a node above two others. */
export function nodeHash(left: Uint8Array, right: Uint8Array, sha256: Sha256): Uint8Array {
  return sha256(concatBytes([NODE, left, right]));
}

// Indices may exceed 32 bits, so no shifts.
const half = (value: number) => Math.floor(value / 2);
const isOdd = (value: number) => value % 2 === 1;

function isPowerOfTwo(count: number): boolean {
  let power = 1;
  while (power < count) power *= 2;
  return power === count;
}

/** The root that follows from a leaf's hash by an inclusion proof; null when the proof does not fit (RFC 9162 §2.1.3.2). */
export function rootOfInclusion(
  proof: { leaf: number; size: number; path: readonly Uint8Array[] },
  hash: Uint8Array,
  sha256: Sha256,
): Uint8Array | null {
  if (proof.leaf >= proof.size) return null;
  let [at, last] = [proof.leaf, proof.size - 1];
  let root = hash;
  for (const sibling of proof.path) {
    if (last === 0) return null;
    if (isOdd(at) || at === last) {
      root = nodeHash(sibling, root, sha256);
      while (!isOdd(at) && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      root = nodeHash(root, sibling, sha256);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 ? root : null;
}

/** A tree as a signed head describes it. */
interface TreeFacts {
  size: number;
  root: Uint8Array;
}

/** Whether `path` proves that the older tree is the beginning of the newer one (RFC 9162 §2.1.4.2). */
export function isConsistent(older: TreeFacts, newer: TreeFacts, path: readonly Uint8Array[], sha256: Sha256): boolean {
  if (older.size > newer.size) return false;
  // Every tree begins with the empty one.
  if (older.size === 0) return path.length === 0 && equalBytes(older.root, sha256(new Uint8Array()));
  if (older.size === newer.size) return path.length === 0 && equalBytes(older.root, newer.root);
  // A complete older tree is itself a node of the newer one; the path leaves it out.
  const [first, ...rest] = isPowerOfTwo(older.size) ? [older.root, ...path] : path;
  if (!first) return false;
  let [at, last] = [older.size - 1, newer.size - 1];
  while (isOdd(at)) [at, last] = [half(at), half(last)];
  let [olderRoot, newerRoot] = [first, first];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (isOdd(at) || at === last) {
      olderRoot = nodeHash(sibling, olderRoot, sha256);
      newerRoot = nodeHash(sibling, newerRoot, sha256);
      while (!isOdd(at) && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      newerRoot = nodeHash(newerRoot, sibling, sha256);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equalBytes(olderRoot, older.root) && equalBytes(newerRoot, newer.root);
}
