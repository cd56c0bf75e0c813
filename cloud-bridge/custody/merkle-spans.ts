// Which complete subtrees an append-only Merkle tree stores, and which of them make up its proofs (RFC 9162 §2.1). Pure: the caller reads
// the hashes.
import { nodeHash, type Sha256 } from '@doorsill/contract/merkle';

/** Leaves of a tree, `end` excluded. */
export interface LeafSpan {
  start: number;
  end: number;
}

/** A complete subtree: 2^level leaves from `at * 2^level`. It never changes. */
export interface Subtree {
  level: number;
  at: number;
}

type ReadSubtree = (subtree: Subtree) => Promise<Uint8Array>;

/** Largest power of two below `count`, which is at least 2. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/** The complete subtrees that a span of a proof consists of, from left to right: at most one for each level. */
function subtreesOf({ start, end }: LeafSpan): Subtree[] {
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
  for (let at = leaf, level = 1; at % 2 === 1; level += 1) {
    at = (at - 1) / 2;
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
