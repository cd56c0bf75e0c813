import { refusal, type Statement } from './migrations.ts';

export interface CustodyTables {
  custody_secret: { secret: Uint8Array };
  custody_leaves: {
    leaf: number;
    entry: string;
    receipt_sha256: string | null;
    salt: Uint8Array | null;
    facts: string | null;
    /** Pseudonym of the home to which this leaf is opened. */
    shown_to: string | null;
  };
  custody_nodes: { level: number; at: number; hash: Uint8Array };
  custody_cosignatures: { witness: string; size: number; head: string; cosignature: string };
}

/** Statements that create them, as they were first released: never edit one. */
export const CUSTODY_TABLES: readonly Statement[] = [
  `create table custody_secret (secret blob not null) strict`,
  `create table custody_leaves (
     leaf integer primary key, entry text not null, receipt_sha256 text, salt blob, facts text
   ) strict`,
  `create index custody_leaves_by_receipt on custody_leaves (receipt_sha256) where receipt_sha256 is not null`,
  // Complete subtrees of the tree over the leaves, so that a proof reads a few of them and never the leaves.
  `create table custody_nodes (
     level integer not null, at integer not null, hash blob not null, primary key (level, at)
   ) strict, without rowid`,
  refusal('custody_leaves_stay', 'delete', 'custody_leaves', 'append-only'),
  refusal('custody_leaves_keep', 'update of leaf, entry', 'custody_leaves', 'append-only'),
  refusal('custody_nodes_stay', 'delete', 'custody_nodes', 'append-only'),
  refusal('custody_nodes_keep', 'update', 'custody_nodes', 'append-only'),
  `create table custody_cosignatures (
     witness text primary key, size integer not null, head text not null, cosignature text not null
   ) strict`,
];

const SHOWN_KINDS = `('intake', 'hand-over', 'recall', 'deletion')`;

/** Statements that add `shown_to`. They are part of released migrations: never edit one. */
export const LEAVES_BY_HOME: readonly Statement[] = [
  `alter table custody_leaves add column shown_to text`,
  {
    sqlite: [
      `update custody_leaves set shown_to = json_extract(entry, '$.home')
         where json_extract(entry, '$.kind') in ${SHOWN_KINDS}`,
    ],
    postgres: [
      `update custody_leaves set shown_to = entry::json ->> 'home' where entry::json ->> 'kind' in ${SHOWN_KINDS}`,
    ],
  },
  `create index custody_leaves_by_home on custody_leaves (shown_to, leaf) where shown_to is not null`,
];
