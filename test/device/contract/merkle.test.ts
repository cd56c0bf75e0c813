// Holds: the tree is RFC 6962's, and a proof holds for exactly the leaf and the trees that it was made for.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  completedBy,
  consistencySpans,
  inclusionSpans,
  type LeafSpan,
  type Subtree,
  spanHash,
} from '../../../cloud-bridge/custody/merkle-spans.ts';
import { sha256 } from '../../../device/base/keys.ts';
import { fromHex, toHex, utf8 } from '../../../device/contract/bytes.ts';
import { isConsistent, leafHash, nodeHash, rootOfInclusion } from '../../../device/contract/merkle.ts';

/** The leaves of the Certificate Transparency test vectors, and the roots over the first 0, 1, ... 8 of them. */
const LEAVES = [
  ...['', '00', '10', '2021', '3031', '40414243', '5051525354555657'],
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => fromHex(hex) ?? new Uint8Array());
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** MTH of RFC 6962 §2.1, as it is written there: no cache, no shared code. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves;
  if (first === undefined) return sha256(new Uint8Array());
  if (leaves.length === 1) return leafHash(first, sha256);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)), sha256);
}

/** A tree as a store keeps it: the hash of each complete subtree, added as leaves complete them. */
class Kept {
  readonly nodes = new Map<string, Uint8Array>();
  reads = 0;
  size = 0;

  constructor(leaves: readonly Uint8Array[]) {
    for (const data of leaves) this.append(data);
  }

  append(data: Uint8Array): void {
    let hash = leafHash(data, sha256);
    this.nodes.set(`0/${this.size}`, hash);
    for (const { level, at } of completedBy(this.size)) {
      hash = nodeHash(this.nodes.get(`${level - 1}/${at * 2}`) ?? new Uint8Array(), hash, sha256);
      this.nodes.set(`${level}/${at}`, hash);
    }
    this.size += 1;
  }

  readonly read = async ({ level, at }: Subtree): Promise<Uint8Array> => {
    this.reads += 1;
    const hash = this.nodes.get(`${level}/${at}`);
    if (!hash) throw new Error(`no complete subtree ${level}/${at}`);
    return hash;
  };

  root(size = this.size): Promise<Uint8Array> {
    return spanHash({ start: 0, end: size }, this.read, sha256);
  }

  async path(spans: readonly LeafSpan[]): Promise<Uint8Array[]> {
    const hashes: Uint8Array[] = [];
    for (const span of spans) hashes.push(await spanHash(span, this.read, sha256));
    return hashes;
  }
}

const numbered = (count: number) => Array.from({ length: count }, (_, at) => utf8(`leaf ${at}`));

describe('the tree', () => {
  it('has the known root over each number of the standard leaves', async () => {
    const kept = new Kept(LEAVES);
    for (const [size, root] of ROOTS.entries()) {
      expect(toHex(await kept.root(size)), `${size} leaves`).toBe(root);
      expect(toHex(naiveRoot(LEAVES.slice(0, size))), `${size} leaves, naively`).toBe(root);
    }
  });

  it('hashes a leaf differently from a node', () => {
    const [left, right] = [leafHash(utf8('a'), sha256), leafHash(utf8('b'), sha256)];
    expect(toHex(leafHash(new Uint8Array([...left, ...right]), sha256))).not.toBe(toHex(nodeHash(left, right, sha256)));
  });

  it('has the published inclusion and consistency proofs of the standard leaves', async () => {
    const kept = new Kept(LEAVES);
    const hex = async (spans: LeafSpan[]) => (await kept.path(spans)).map(toHex);
    expect(await hex(inclusionSpans(0, 8))).toEqual([
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ]);
    expect(await hex(consistencySpans(6, 8))).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
  });
});

describe('an inclusion proof', () => {
  it('leads to the naive root for every leaf of every size, and at no other index', async () => {
    const leaves = numbered(40);
    const kept = new Kept(leaves);
    for (let size = 1; size <= leaves.length; size += 1) {
      const root = toHex(naiveRoot(leaves.slice(0, size)));
      for (let leaf = 0; leaf < size; leaf += 1) {
        const path = await kept.path(inclusionSpans(leaf, size));
        const hash = leafHash(leaves[leaf] ?? new Uint8Array(), sha256);
        const rootAt = (at: number, of: number, along = path) => {
          const found = rootOfInclusion({ leaf: at, size: of, path: along }, hash, sha256);
          return found && toHex(found);
        };
        expect(rootAt(leaf, size)).toBe(root);
        const fits = [...leaves.keys()].filter((other) => other !== leaf && rootAt(other, size) === root);
        expect(fits).toEqual([]);
        if (size > 1) expect(rootAt(leaf, size, path.slice(1))).not.toBe(root);
        expect(rootAt(leaf, size, [...path, hash])).not.toBe(root);
        expect(rootAt(size, size)).toBeNull();
      }
    }
  });

  it('is broken by any changed bit', async () => {
    const leaves = numbered(300);
    const kept = new Kept(leaves);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 300 }),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        async (size, some, step, bit) => {
          const leaf = some % size;
          const path = (await kept.path(inclusionSpans(leaf, size))).map((hash) => Uint8Array.from(hash));
          const hash = path[step % path.length] ?? new Uint8Array();
          hash[Math.floor((bit % 256) / 8)] = (hash[Math.floor((bit % 256) / 8)] ?? 0) ^ (1 << (bit % 8));
          const found = rootOfInclusion(
            { leaf, size, path },
            leafHash(leaves[leaf] ?? new Uint8Array(), sha256),
            sha256,
          );
          expect(found && toHex(found)).not.toBe(toHex(await kept.root(size)));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('a consistency proof', () => {
  it('holds between every two sizes of one log', async () => {
    const leaves = numbered(40);
    const kept = new Kept(leaves);
    const roots = [null, ...leaves].map((_, size) => naiveRoot(leaves.slice(0, size)));
    for (let to = 0; to <= leaves.length; to += 1) {
      for (let from = 0; from <= to; from += 1) {
        const path = from === 0 ? [] : await kept.path(consistencySpans(from, to));
        const older = { size: from, root: roots[from] ?? new Uint8Array() };
        const newer = { size: to, root: roots[to] ?? new Uint8Array() };
        expect(isConsistent(older, newer, path, sha256), `${from} to ${to}`).toBe(true);
        if (from < to) expect(isConsistent(newer, older, path, sha256), `${to} back to ${from}`).toBe(false);
      }
    }
  });

  it('never holds for a log in which any leaf was changed, whatever proof its own tree offers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 200 }), fc.nat(), fc.nat(), async (from, more, some) => {
        const to = from + (more % 50);
        const honest = numbered(to);
        const forged = honest.map((leaf, at) => (at === some % from ? utf8('another') : leaf));
        const tree = new Kept(forged);
        const older = { size: from, root: naiveRoot(honest.slice(0, from)) };
        const newer = { size: to, root: naiveRoot(forged) };
        expect(isConsistent(older, newer, await tree.path(consistencySpans(from, to)), sha256)).toBe(false);
        expect(isConsistent(older, newer, await new Kept(honest).path(consistencySpans(from, to)), sha256)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});

it('needs a number of reads that grows with the logarithm of the log’s size', async () => {
  const kept = new Kept(numbered(5_000));
  for (let size = 4_000; size <= 5_000; size += 37) {
    for (const spans of [
      inclusionSpans((size * 7) % size, size),
      inclusionSpans(size - 1, size),
      consistencySpans(size - 500, size),
    ]) {
      kept.reads = 0;
      await kept.path(spans);
      expect(kept.reads).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(size)));
    }
  }
});

it('counts beyond 32 bits', () => {
  const size = 2 ** 40 + 3;
  expect(inclusionSpans(2 ** 40 + 2, size)).toEqual([
    { start: 2 ** 40, end: 2 ** 40 + 2 },
    { start: 0, end: 2 ** 40 },
  ]);
  expect(completedBy(2 ** 33 - 1)).toHaveLength(33);
});
