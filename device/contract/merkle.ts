// Owns: the arithmetic of an append-only Merkle tree (RFC 6962 §2.1, RFC 9162 §2.1): its hashes, which subtrees a proof is made
// of, and the check of a proof. Pure: SHA-256 is passed in. Not here: what leaves say (custody.ts), where a tree is kept.
import { concatBytes, equalBytes } from './bytes.ts';

/** SHA-256 of bytes, supplied by the caller. */
export type Sha256 = (data: Uint8Array) => Uint8Array;

/** Leaves of a tree, `end` excluded. */
export interface LeafSpan {
  start: number;
  end: number;
}

/** A complete subtree: the leaves from `at * 2^level`, 2^level of them. Once complete it never changes. */
export interface Subtree {
  level: number;
  at: number;
}

/** Reads the hash of a complete subtree from wherever the tree is kept. */
export type ReadSubtree = (subtree: Subtree) => Promise<Uint8Array>;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Hash of a leaf: the prefix keeps a leaf from passing for a node (RFC 9162 §2.1.1). */
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

/** Largest power of two below `count`, which is at least 2. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/** The complete subtrees that a span of a proof consists of, from left to right: at most one for each level. */
export function subtreesOf({ start, end }: LeafSpan): Subtree[] {
  const parts: Subtree[] = [];
  let [level, leaves] = [0, 1];
  while (leaves * 2 <= end - start) [level, leaves] = [level + 1, leaves * 2];
  for (let at = start; at < end; [level, leaves] = [level - 1, leaves / 2]) {
    if (leaves > end - at) continue;
    parts.push({ level, at: at / leaves });
    at += leaves;
  }
  return parts;
}

/** Subtrees above its own hash that the new leaf `leaf` completes, lowest first. */
export function completedBy(leaf: number): Subtree[] {
  const completed: Subtree[] = [];
  for (let at = leaf, level = 1; isOdd(at); level += 1) {
    at = half(at);
    completed.push({ level, at });
  }
  return completed;
}

/** The spans whose hashes prove that `leaf` is in the tree of `size` leaves, lowest first (RFC 9162 §2.1.3.1). */
export function inclusionSpans(leaf: number, size: number): LeafSpan[] {
  const path: LeafSpan[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (leaf < middle) {
      path.unshift({ start: middle, end });
      end = middle;
    } else {
      path.unshift({ start, end: middle });
      start = middle;
    }
  }
  return path;
}

/** The spans whose hashes prove that the first `from` of `to` leaves are unchanged (RFC 9162 §2.1.4.1); 0 < from <= to. */
export function consistencySpans(from: number, to: number): LeafSpan[] {
  const path: LeafSpan[] = [];
  let [start, end] = [0, to];
  while (from < end) {
    const middle = start + splitOf(end - start);
    if (from <= middle) {
      path.unshift({ start: middle, end });
      end = middle;
    } else {
      path.unshift({ start, end: middle });
      start = middle;
    }
  }
  // Whoever asks already knows the old tree's own root.
  return start === 0 ? path : [{ start, end }, ...path];
}

/** Hash over a span of a proof, or over `{ start: 0, end: size }` for a root; without leaves, the hash of no bytes. */
export async function spanHash(span: LeafSpan, read: ReadSubtree, sha256: Sha256): Promise<Uint8Array> {
  const hashes: Uint8Array[] = [];
  for (const subtree of subtreesOf(span)) hashes.push(await read(subtree));
  const last = hashes.pop();
  return last === undefined
    ? sha256(new Uint8Array())
    : hashes.reduceRight((right, left) => nodeHash(left, right, sha256), last);
}

/** The root that an inclusion proof leads to from a leaf's hash; null when the proof does not fit (RFC 9162 §2.1.3.2). */
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
export interface TreeFacts {
  size: number;
  root: Uint8Array;
}

/** Whether `path` proves that the older tree is the beginning of the newer one (RFC 9162 §2.1.4.2). */
export function isConsistent(older: TreeFacts, newer: TreeFacts, path: readonly Uint8Array[], sha256: Sha256): boolean {
  if (older.size > newer.size) return false;
  // Every tree begins with the empty one.
  if (older.size === 0) return path.length === 0 && equalBytes(older.root, sha256(new Uint8Array()));
  if (older.size === newer.size) return path.length === 0 && equalBytes(older.root, newer.root);
  // A complete tree is a node of the newer one, which the path leaves out.
  const isComplete = subtreesOf({ start: 0, end: older.size }).length === 1;
  const [first, ...rest] = isComplete ? [older.root, ...path] : path;
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
