// Counts of calls by name, shared by all processes on a PostgreSQL database, each of which reserves batches of calls. With SQLite there is
// one process, which counts in memory.
import { type Kysely, sql } from 'kysely';
import type { CallBatch, CallBatchStore } from '../http/rate-limits.ts';
import type { Statement } from './migrations.ts';
import { BESIDE_WRITERS } from './postgres-connection.ts';

export interface CallCountTables {
  call_counts: { name: Uint8Array; ends_ms: number; count: number; lot: number };
}

/**
 * Statements that create the table, as they were first released: never edit one. It is unlogged: counting waits for no disk and no standby,
 * and a crash of the server resets all counts.
 */
export const CALL_COUNTS_TABLE: Statement = {
  sqlite: [],
  postgres: [
    `create unlogged table call_counts (
       name bytea primary key, ends_ms bigint not null, count bigint not null, lot bigint not null
     )`,
    `create index call_counts_by_end on call_counts (ends_ms)`,
  ],
};

/** A batch is this part of the calls that are left, so that batches shrink towards the limit. */
const BATCH_PART = 16;

const NOW_MS = sql`(extract(epoch from now()) * 1000)::bigint`;

export class SqlCallCounts implements CallBatchStore {
  private readonly tables: Kysely<CallCountTables>;

  constructor(tables: Kysely<CallCountTables>) {
    this.tables = tables;
  }

  /** One statement. Times are the server's, because the clocks of processes may differ. */
  async take(
    name: Uint8Array,
    { countMax, spanMs, least }: { countMax: number; spanMs: number; least: number },
  ): Promise<CallBatch> {
    const first = sql`${Math.min(countMax, Math.max(least, Math.floor(countMax / BATCH_PART)))}::bigint`;
    const left = sql`(${countMax}::bigint - had.count)`;
    const next = sql`least(${left}, greatest(${least}::bigint, ${left} / ${BATCH_PART}::bigint))`;
    const goesOn = sql`had.ends_ms > ${NOW_MS}`;
    const ends = sql`${NOW_MS} + ${spanMs}::bigint`;
    const asked = sql<{ lot: number; count: number; reset_ms: number }>`${sql.raw(BESIDE_WRITERS)}
      insert into call_counts as had (name, ends_ms, count, lot) values (${Buffer.from(name)}, ${ends}, ${first}, ${first})
      on conflict (name) do update set
        lot = case when ${goesOn} then ${next} else ${first} end,
        count = case when ${goesOn} then had.count + ${next} else ${first} end,
        ends_ms = case when ${goesOn} then had.ends_ms else ${ends} end
      returning lot, count, ends_ms - ${NOW_MS} as reset_ms`;
    const [row] = (await asked.execute(this.tables)).rows;
    if (!row) return { taken: 0, left: 0, resetMs: spanMs };
    return { taken: row.lot, left: Math.max(0, countMax - row.count), resetMs: row.reset_ms };
  }

  async removeEnded(): Promise<void> {
    await sql`${sql.raw(BESIDE_WRITERS)} delete from call_counts where ends_ms <= ${NOW_MS}`.execute(this.tables);
  }
}
