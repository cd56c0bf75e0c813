// Work that only one of several instances may do at a time: it takes an advisory lock of the database, which ends with its connection.
// There is no leader election.

import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { failure } from '@doorsill/contract/errors';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DatabasePlace } from './open-database.ts';

export interface Turns {
  /**
   * Waits until no other instance does work of this name, then does it. `everyS`: skips it if an instance has finished it within half of
   * that time. Throws what `work` throws, and `database_unreachable` when the lock was lost during the work.
   */
  run(name: string, work: () => Promise<void>, everyS?: number): Promise<void>;
}

/** For a process without other instances. */
export const ALONE: Turns & { stop(): void } = { run: (_name, work) => work(), stop: () => undefined };

/** Turns among the instances that share a place, or `ALONE`. */
export function turnsAt(place: DatabasePlace, tables: Kysely<TurnTables>, clock: Clock): Turns & { stop(): void } {
  return place.address && place.instance !== undefined ? new SqlTurns(tables, place.schema, clock) : ALONE;
}

/** Poll interval for a lock of another instance: a statement that waits for it would block all others of this process. */
const POLL_MS = 50;

export interface TurnTables {
  /** When work with `everyS` was last finished. */
  turns: { name: string; done_s: number };
}

export class SqlTurns implements Turns {
  private readonly tables: Kysely<TurnTables>;
  private readonly schema: string;
  private readonly clock: Clock;
  private readonly stopping = new AbortController();
  /** A lock belongs to the connection, so turns of one name within this process must wait for each other here. */
  private readonly own = new Map<string, Promise<unknown>>();

  /** `schema`: part of the names of the locks. */
  constructor(tables: Kysely<TurnTables>, schema: string, clock: Clock) {
    this.tables = tables;
    this.schema = schema;
    this.clock = clock;
  }

  /** Rejects all that wait for a turn. */
  stop(): void {
    this.stopping.abort(failure('database_unreachable', { file: 'the database', detail: 'the process is stopping' }));
  }

  async run(name: string, work: () => Promise<void>, everyS?: number): Promise<void> {
    const before = this.own.get(name);
    const turn = (async () => {
      await before?.catch(() => undefined);
      await this.locked(name, () => this.once(name, work, everyS));
    })();
    this.own.set(name, turn);
    try {
      await turn;
    } finally {
      if (this.own.get(name) === turn) this.own.delete(name);
    }
  }

  private async locked(name: string, work: () => Promise<void>): Promise<void> {
    const lock = `${this.schema} turn ${name}`;
    while (!(await this.isTrue(sql`pg_try_advisory_lock(hashtextextended(${lock}, 0))`))) {
      await this.clock.sleep(POLL_MS, this.stopping.signal);
    }
    let isKept = false;
    try {
      await work();
    } finally {
      isKept = await this.isTrue(sql`pg_advisory_unlock(hashtextextended(${lock}, 0))`).catch(() => false);
    }
    // The connection was replaced, so another instance may have done the work at the same time.
    if (!isKept)
      throw failure('database_unreachable', { file: 'the database', detail: `the turn of ${name} was lost` });
  }

  private async once(name: string, work: () => Promise<void>, everyS: number | undefined): Promise<void> {
    const done = await this.tables.selectFrom('turns').select('done_s').where('name', '=', name).executeTakeFirst();
    if (everyS !== undefined && done && done.done_s > wallSeconds(this.clock) - everyS / 2) return;
    await work();
    if (everyS === undefined) return;
    const done_s = wallSeconds(this.clock);
    await this.tables
      .insertInto('turns')
      .values({ name, done_s })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ done_s }))
      .execute();
  }

  private async isTrue(asked: ReturnType<typeof sql>): Promise<boolean> {
    const { rows } = await sql<{ said: boolean }>`select ${asked} as said`.execute(this.tables);
    return rows[0]?.said ?? false;
  }
}

export interface SharedPart {
  /** Makes the database, for good, one that instances of this part share. Throws `database_unfit` when it belongs to another part. */
  claim(part: string): Promise<void>;
  /** Throws `database_unfit` for a database that instances share. */
  assertNone(): Promise<void>;
}

export class SqlSharedPart<Tables> implements SharedPart {
  private readonly tables: Kysely<Tables>;
  private readonly where: string;
  private readonly names: { table: string; column: string };
  private readonly assertMovable: (step: Transaction<Tables>, where: string) => Promise<void>;

  /**
   * `where`: the database in messages. `assertMovable` runs in the transaction of the first claim, and throws if the former single process
   * has files in its folder that other instances would not find.
   */
  constructor(
    tables: Kysely<Tables>,
    where: string,
    names = { table: 'shared_part', column: 'part' },
    assertMovable: (step: Transaction<Tables>, where: string) => Promise<void> = async () => undefined,
  ) {
    this.tables = tables;
    this.where = where;
    this.names = names;
    this.assertMovable = assertMovable;
  }

  /** Null: one process has the database alone. */
  async find(): Promise<string | null> {
    const { table, column } = this.names;
    const asked = sql<{ part: string }>`select ${sql.ref(column)} as part from ${sql.table(table)}`;
    return (await asked.execute(this.tables)).rows[0]?.part ?? null;
  }

  async claim(part: string): Promise<void> {
    const known = await this.find();
    if (known === part) return;
    if (known !== null) throw this.unfit(`it belongs to ${known}, and the signing key is that of ${part}`);
    const { table, column } = this.names;
    await this.tables.transaction().execute(async (step) => {
      await this.assertMovable(step, this.where);
      await sql`insert into ${sql.table(table)} (one, ${sql.ref(column)}) values (1, ${part})`.execute(step);
    });
  }

  async assertNone(): Promise<void> {
    const known = await this.find();
    if (known !== null) throw this.unfit(`instances of ${known} share it: give this one its \`instance\` settings`);
  }

  private unfit(detail: string) {
    return failure('database_unfit', { file: this.where, detail });
  }
}
