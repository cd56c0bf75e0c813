import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { sha256 } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { assert } from '@doorsill/contract/assert';
import { utf8 } from '@doorsill/contract/bytes';
import { leafHash, nodeHash } from '@doorsill/contract/merkle';
import type { Kysely, Transaction } from 'kysely';
import type { CustodyTables } from '../persistence/custody-schema.ts';
import type { CustodyEvent, CustodyStore, CustodySubject, KeptCosignature, OpenedLeaf } from './custody-store.ts';
import { commitEvent, pseudonymOf, SECRET_BYTES } from './event-commitment.ts';
import { completedBy, type Subtree } from './merkle-spans.ts';

/** Source of the leaves' times and salts. */
export interface CustodySeams {
  clock: Clock;
  random: Random;
}

export class SqlCustody implements CustodyStore {
  private readonly tables: Kysely<CustodyTables>;
  private readonly seams: CustodySeams & { secret: Uint8Array };

  private constructor(tables: Kysely<CustodyTables>, seams: CustodySeams & { secret: Uint8Array }) {
    this.tables = tables;
    this.seams = seams;
  }

  /** The log of a database; its secret is created the first time. */
  static async open(tables: Kysely<CustodyTables>, seams: CustodySeams): Promise<SqlCustody> {
    const known = await tables.selectFrom('custody_secret').select('secret').executeTakeFirst();
    return new SqlCustody(tables, { ...seams, secret: known?.secret ?? (await firstSecret(tables, seams.random)) });
  }

  /**
   * Appends the leaf that records `event`, in the transaction that stores the event itself: neither ever exists without the
   * other. Returns the leaf's number.
   */
  async append(step: Transaction<CustodyTables>, event: CustodyEvent): Promise<number> {
    const { entry, opening, receiptSha256, shownTo } = commitEvent(event, wallSeconds(this.seams.clock), this.seams);
    const leaf = await sizeIn(step);
    await step
      .insertInto('custody_leaves')
      .values({
        leaf,
        entry,
        receipt_sha256: receiptSha256,
        salt: opening && Buffer.from(opening.salt),
        facts: opening?.facts ?? null,
        shown_to: shownTo,
      })
      .execute();
    let hash = leafHash(utf8(entry), sha256);
    await keepNode(step, { level: 0, at: leaf }, hash);
    for (const { level, at } of completedBy(leaf)) {
      hash = nodeHash(await subtreeIn(step, { level: level - 1, at: at * 2 }), hash, sha256);
      await keepNode(step, { level, at }, hash);
    }
    return leaf;
  }

  size(): Promise<number> {
    return sizeIn(this.tables);
  }

  subtree(of: Subtree): Promise<Uint8Array> {
    return subtreeIn(this.tables, of);
  }

  async entries(from: number, most: number): Promise<{ leaf: number; entry: string }[]> {
    return this.tables
      .selectFrom('custody_leaves')
      .select(['leaf', 'entry'])
      .where('leaf', '>=', from)
      .orderBy('leaf')
      .limit(most)
      .execute();
  }

  async opened(leaf: number): Promise<OpenedLeaf | null> {
    const row = await this.tables
      .selectFrom('custody_leaves')
      .select(['entry', 'salt', 'facts'])
      .where('leaf', '=', leaf)
      .executeTakeFirst();
    if (!row?.salt || row.facts === null) return null;
    return { entry: row.entry, salt: new Uint8Array(row.salt), facts: row.facts };
  }

  async leafOf(receiptSha256: string): Promise<number | null> {
    const row = await this.tables
      .selectFrom('custody_leaves')
      .select('leaf')
      .where('receipt_sha256', '=', receiptSha256)
      .executeTakeFirst();
    return row?.leaf ?? null;
  }

  async leavesShownTo(home: CustodySubject, most: number): Promise<number[]> {
    const rows = await this.tables
      .selectFrom('custody_leaves')
      .select('leaf')
      .where('shown_to', '=', pseudonymOf(home, this.seams.secret))
      .orderBy('leaf')
      .limit(most)
      .execute();
    return rows.map(({ leaf }) => leaf);
  }

  async cosignatures(): Promise<KeptCosignature[]> {
    return this.tables.selectFrom('custody_cosignatures').selectAll().orderBy('witness').execute();
  }

  async keepCosignature(kept: KeptCosignature): Promise<void> {
    const { witness, ...said } = kept;
    await this.tables
      .insertInto('custody_cosignatures')
      .values(kept)
      .onConflict((conflict) =>
        conflict.column('witness').doUpdateSet(said).where('custody_cosignatures.size', '<=', kept.size),
      )
      .execute();
  }
}

/** In a transaction: instances that start at the same time must not each create one. */
async function firstSecret(tables: Kysely<CustodyTables>, random: Random): Promise<Uint8Array> {
  return tables.transaction().execute(async (step) => {
    const known = await step.selectFrom('custody_secret').select('secret').executeTakeFirst();
    const secret = known?.secret ?? random.bytes(SECRET_BYTES);
    if (!known) await step.insertInto('custody_secret').values({ secret }).execute();
    return secret;
  });
}

type Reader = Kysely<CustodyTables> | Transaction<CustodyTables>;

async function sizeIn(from: Reader): Promise<number> {
  const last = await from
    .selectFrom('custody_leaves')
    .select('leaf')
    .orderBy('leaf', 'desc')
    .limit(1)
    .executeTakeFirst();
  return last === undefined ? 0 : last.leaf + 1;
}

async function subtreeIn(from: Reader, { level, at }: Subtree): Promise<Uint8Array> {
  const node = await from
    .selectFrom('custody_nodes')
    .select('hash')
    .where('level', '=', level)
    .where('at', '=', at)
    .executeTakeFirst();
  assert(node !== undefined, 'a complete subtree has its hash');
  return new Uint8Array(node.hash);
}

async function keepNode(step: Transaction<CustodyTables>, { level, at }: Subtree, hash: Uint8Array): Promise<void> {
  await step
    .insertInto('custody_nodes')
    .values({ level, at, hash: Buffer.from(hash) })
    .execute();
}
