// Owns: what the log of custody is told, and what it needs remembered. Not here: how (sql-custody-log.ts), what a leaf looks like in
// public (event-commitment.ts), who may read what (custody.ts).
import type { CustodyEntry, FactsOf, HiddenKind } from '../../device/protocol/custody.ts';
import type { Subtree } from '../../device/protocol/merkle.ts';

/** Whose clip it was about: what its pseudonym follows from. */
export interface CustodySubject {
  device: string;
  grant: string;
}

type Open = Exclude<CustodyEntry, { kind: HiddenKind }>;
type Untimed<Entry> = Entry extends Open ? Omit<Entry, 'atS'> : never;

/** An event as the store that makes it durable tells it, in the same transaction. */
export type CustodyEvent =
  | Untimed<Open>
  | { [Kind in HiddenKind]: { kind: Kind; about: CustodySubject | null; facts: FactsOf<Kind> } }[HiddenKind];

/** A leaf with what opens its commitment. */
export interface OpenedLeaf {
  entry: string;
  salt: Uint8Array;
  facts: string;
}

/** What a witness said last, with the head it was about. */
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
  /** Leaves as they are published, from `from` on. */
  entries(from: number, most: number): Promise<{ leaf: number; entry: string }[]>;
  /** Null when there is no such leaf or it hides nothing. */
  opened(leaf: number): Promise<OpenedLeaf | null>;
  /** The leaf about a receipt, by the SHA-256 of its text. */
  leafOf(receiptSha256: string): Promise<number | null>;
  /** Each witness's newest. */
  cosignatures(): Promise<KeptCosignature[]>;
  /** Keeps it unless the same witness has cosigned a larger tree. */
  keepCosignature(kept: KeptCosignature): Promise<void>;
}
