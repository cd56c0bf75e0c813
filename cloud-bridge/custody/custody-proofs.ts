// What the bridge publishes about its custody log: signed heads, proofs, leaves, and the bundle of a clip's receipt.

import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { type SigningKey, sha256, sha256Hex } from '@doorsill/base/keys';
import { toBase64url, toHex } from '@doorsill/contract/bytes';
import {
  Cosignature,
  type CosignedHead,
  type CustodyBundle,
  type CustodyProof,
  isAbout,
  LEAVES_OF_CLIP_MAX,
  TreeHead,
} from '@doorsill/contract/custody';
import { failure } from '@doorsill/contract/errors';
import { signToken } from '@doorsill/contract/jws';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { readLink } from '../signing/verify-token.ts';
import type { CustodyStore, CustodySubject } from './custody-store.ts';
import { consistencySpans, inclusionSpans, type LeafSpan, spanHash } from './merkle-spans.ts';

export interface CustodyDeps {
  clock: Clock;
  key: SigningKey;
  store: CustodyStore;
  /** Keys whose cosignatures are kept and served. */
  witnesses: readonly string[];
}

/** Leaves in one page. */
export const ENTRIES_MAX = 500;

export class Custody {
  private readonly deps: CustodyDeps;

  constructor(deps: CustodyDeps) {
    this.deps = deps;
  }

  /** The newest head, and the newest one that has the most cosignatures. */
  async head(): Promise<{ head: string; cosigned: CosignedHead | null }> {
    const { token } = await this.sign();
    const cosigned = (await this.cosignedHeads())[0];
    return { head: token, cosigned: cosigned ? { head: cosigned.head, cosignatures: cosigned.cosignatures } : null };
  }

  /** Proof that a leaf is in the tree of `size` leaves; default: the newest tree. Throws `custody_unknown`. */
  async inclusion(leaf: number, size?: number): Promise<{ leaf: number; size: number; path: string[] }> {
    const now = await this.deps.store.size();
    const of = size ?? now;
    if (of > now || leaf >= of) throw failure('custody_unknown', { detail: `leaf ${leaf} of ${of}; it has ${now}` });
    return { leaf, size: of, path: await this.path(inclusionSpans(leaf, of)) };
  }

  /** Proof that the tree of `to` leaves extends the one of `from`. Throws `custody_unknown`. */
  async consistency(from: number, to: number): Promise<{ from: number; to: number; path: string[] }> {
    const now = await this.deps.store.size();
    if (from > to || to > now) throw failure('custody_unknown', { detail: `from ${from} to ${to}; it has ${now}` });
    return { from, to, path: from === 0 ? [] : await this.path(consistencySpans(from, to)) };
  }

  /** Leaves starting at `from`, and where the next page begins; null at the end. */
  async entries(
    from: number,
    limit: number,
  ): Promise<{ entries: { leaf: number; entry: string }[]; next: number | null }> {
    const entries = await this.deps.store.entries(from, limit);
    const next = from + entries.length;
    return { entries, next: next < (await this.deps.store.size()) ? next : null };
  }

  /**
   * A receipt with its opened leaf and that leaf's proof, under a cosigned head if one covers it. The caller must check that the reader
   * may have it. `shown`: the recipient's copy of the receipt, which does not name the device. Throws `custody_unknown` for a receipt
   * older than the log.
   */
  async bundle(receipt: string, shown: string = receipt): Promise<CustodyBundle> {
    const { store } = this.deps;
    const leaf = await store.leafOf(sha256Hex(receipt));
    const proof = leaf === null ? null : await this.proven(leaf);
    if (!proof) throw failure('custody_unknown', { detail: 'the receipt is older than the log' });
    return { receipt: shown, proof };
  }

  /**
   * The opened leaves of a grant's clip, oldest first: intake, hand-over, verdicts, recall, deletion. The caller must check that the reader may have
   * them.
   */
  async leaves(home: CustodySubject): Promise<CustodyProof[]> {
    const leaves = await this.deps.store.leavesShownTo(home, LEAVES_OF_CLIP_MAX);
    const proofs = await Promise.all(leaves.map((leaf) => this.proven(leaf)));
    return proofs.filter((proof) => proof !== null);
  }

  /** An opened leaf with its path to a cosigned head if one covers it; null for a leaf that hides nothing. */
  private async proven(leaf: number): Promise<CustodyProof | null> {
    const opened = await this.deps.store.opened(leaf);
    if (!opened) return null;
    const cosigned = (await this.cosignedHeads()).find(({ size }) => size > leaf);
    const { head, size, cosignatures } = cosigned ?? (await this.uncosignedHead());
    const { path } = await this.inclusion(leaf, size);
    const { entry, salt, facts } = opened;
    return { leaf, entry, salt: toBase64url(salt), facts, path, head, cosignatures };
  }

  /** Accepts a witness's cosignature of one of our heads. Throws `custody_cosignature_refused`. */
  async cosign(headToken: string, token: string): Promise<void> {
    const { key, store, witnesses } = this.deps;
    const refuse = (detail: string) => failure('custody_cosignature_refused', { detail });
    const shared = { audience: PUBLIC_AUDIENCE } as const;
    const head = readLink(
      headToken,
      { ...shared, typ: 'doorsill-tree-head+jws', schema: TreeHead, keys: [key.publicKey] },
      'custody_cosignature_refused',
      'head',
    );
    const cosignature = readLink(
      token,
      { ...shared, typ: 'doorsill-cosignature+jws', schema: Cosignature, keys: witnesses },
      'custody_cosignature_refused',
      'cosignature',
    );
    if (!isAbout(cosignature, head, { sha256 })) throw refuse('it is about another tree than the head');
    // A head signed before the log was restored from an older backup must not be served: it proves leaves that are gone.
    if (head.size > (await store.size()) || toHex(await this.root(head.size)) !== head.root) {
      throw refuse('the head is not one of the present log');
    }
    await store.keepCosignature({ witness: cosignature.iss, size: head.size, head: headToken, cosignature: token });
  }

  private async sign(): Promise<{ token: string; claims: TreeHead }> {
    const { key, clock, store } = this.deps;
    const size = await store.size();
    const root = toHex(await this.root(size));
    const claims = TreeHead.parse({
      iss: key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: wallSeconds(clock),
      size,
      root,
    });
    return { token: signToken('doorsill-tree-head+jws', claims, key), claims };
  }

  private async uncosignedHead(): Promise<CosignedHead & { size: number }> {
    const { token, claims } = await this.sign();
    return { head: token, size: claims.size, cosignatures: [] };
  }

  /** Cosigned heads, most cosignatures first, then newest first. */
  private async cosignedHeads(): Promise<(CosignedHead & { size: number })[]> {
    const heads = new Map<number, CosignedHead & { size: number }>();
    for (const { witness, size, head, cosignature } of await this.deps.store.cosignatures()) {
      // A witness that was removed from the list is not served any more.
      if (!this.deps.witnesses.includes(witness)) continue;
      const known = heads.get(size) ?? { size, head, cosignatures: [] };
      known.cosignatures.push(cosignature);
      heads.set(size, known);
    }
    return [...heads.values()].sort((a, b) => b.cosignatures.length - a.cosignatures.length || b.size - a.size);
  }

  private root(size: number): Promise<Uint8Array> {
    return spanHash({ start: 0, end: size }, (subtree) => this.deps.store.subtree(subtree), sha256);
  }

  private async path(spans: readonly LeafSpan[]): Promise<string[]> {
    const path: string[] = [];
    for (const span of spans) path.push(toHex(await spanHash(span, (of) => this.deps.store.subtree(of), sha256)));
    return path;
  }
}
