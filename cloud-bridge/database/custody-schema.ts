// Owns: the tables of a log of custody, in whichever database it lies. Not here: queries (custody.ts).

export interface CustodyTables {
  custody_secret: { secret: Uint8Array };
  custody_leaves: {
    leaf: number;
    entry: string;
    receipt_sha256: string | null;
    salt: Uint8Array | null;
    facts: string | null;
  };
  custody_nodes: { level: number; at: number; hash: Uint8Array };
  custody_cosignatures: { witness: string; size: number; head: string; cosignature: string };
}

/** Statements that make them. They are part of released migrations: never edit one. */
export const CUSTODY_TABLES: readonly string[] = [
  `create table custody_secret (secret blob not null) strict`,
  `create table custody_leaves (
     leaf integer primary key, entry text not null, receipt_sha256 text, salt blob, facts text
   ) strict`,
  `create index custody_leaves_by_receipt on custody_leaves (receipt_sha256) where receipt_sha256 is not null`,
  // Complete subtrees of the tree over the leaves, so that a proof reads some of them and never the leaves.
  `create table custody_nodes (
     level integer not null, at integer not null, hash blob not null, primary key (level, at)
   ) strict, without rowid`,
  `create trigger custody_leaves_stay before delete on custody_leaves begin select raise(abort, 'append-only'); end`,
  `create trigger custody_leaves_keep before update of leaf, entry on custody_leaves
     begin select raise(abort, 'append-only'); end`,
  `create trigger custody_nodes_stay before delete on custody_nodes begin select raise(abort, 'append-only'); end`,
  `create trigger custody_nodes_keep before update on custody_nodes begin select raise(abort, 'append-only'); end`,
  `create table custody_cosignatures (
     witness text primary key, size integer not null, head text not null, cosignature text not null
   ) strict`,
];
