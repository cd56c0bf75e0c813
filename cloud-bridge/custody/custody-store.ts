import type { CustodyEntry, FactsOf, HiddenKind } from '@doorsill/contract/custody';
import type { Subtree } from './merkle-spans.ts';

/** The clip's device and grant, from which its pseudonym is derived. */
export interface CustodySubject {
  device: string;
  grant: string;
}

type Open = Exclude<CustodyEntry, { kind: HiddenKind }>;
type Untimed<Entry> = Entry extends Open ? Omit<Entry, 'atS'> : never;

/** An event as reported by the store that makes it durable, in the same transaction. */
export type CustodyEvent =
  | Untimed<Open>
  | { [Kind in HiddenKind]: { kind: Kind; about: CustodySubject | null; facts: FactsOf<Kind> } }[HiddenKind];

/** A leaf with the opening of its commitment. */
export interface OpenedLeaf {
  entry: string;
  salt: Uint8Array;
  facts: string;
}

/** A witness's latest cosignature, with the head it signed. */
export interface KeptCosignature {
  witness: string;
  size: number;
  head: string;
  cosignature: string;
}

export interface CustodyStore {
  /** Leaves in the log. */
  size(): Promise<number>;
  /** Hash of a complete subtree; one read. */
  subtree(of: Subtree): Promise<Uint8Array>;
  /** Leaves as published, starting at `from`. */
  entries(from: number, most: number): Promise<{ leaf: number; entry: string }[]>;
  /** Null when there is no such leaf or it has nothing to open. */
  opened(leaf: number): Promise<OpenedLeaf | null>;
  /** The leaf about a receipt, by the SHA-256 of its text. */
  leafOf(receiptSha256: string): Promise<number | null>;
  /** The first `most` leaves about what became of this grant's clip, oldest first; accesses and disputes are not among them. */
  leavesShownTo(home: CustodySubject, most: number): Promise<number[]>;
  /** Each witness's newest. */
  cosignatures(): Promise<KeptCosignature[]>;
  /** Keeps it unless the same witness has cosigned a larger tree. */
  keepCosignature(kept: KeptCosignature): Promise<void>;
}
