// Owns: doing what several instances on one database would all do in one of them at a time: by advisory locks of the database, which
// end with their holder's connection. Nobody is elected. Not here: what is done, the connection (postgres-connection.ts).

import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { failure } from '@doorsill/contract/errors';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DatabasePlace } from './open-database.ts';

/** Work that is done by one instance at a time. */
export interface Turns {
  /**
   * Waits until no other instance does work of this name, then does it. `everyS`: leaves it when another instance finished it less than
   * half of that ago. Throws what `work` throws, and `database_unreachable` when the turn was lost while it was done.
   */
  run(name: string, work: () => Promise<void>, everyS?: number): Promise<void>;
}

/** There are no others. */
export const ALONE: Turns & { stop(): void } = { run: (_name, work) => work(), stop: () => undefined };

/** The turns among the instances that share a place; a process that has its place alone takes them as it likes. */
export function turnsAt(place: DatabasePlace, tables: Kysely<TurnTables>, clock: Clock): Turns & { stop(): void } {
  return place.address && place.instance !== undefined ? new SqlTurns(tables, place.schema, clock) : ALONE;
}

/** Between two looks at a lock that another instance has: a statement that waits for it would hold up all others of this process. */
const LOOK_MS = 50;

export interface TurnTables {
  /** When instances last finished what is done regularly by one of them. */
  turns: { name: string; done_s: number };
}

export class SqlTurns implements Turns {
  private readonly tables: Kysely<TurnTables>;
  private readonly schema: string;
  private readonly clock: Clock;
  private readonly stopping = new AbortController();
  /** The locks are the connection's, and so this process's: its own turns of one name wait for each other here. */
  private readonly own = new Map<string, Promise<unknown>>();

  /** `schema`: that of the tables, which the locks are named after. */
  constructor(tables: Kysely<TurnTables>, schema: string, clock: Clock) {
    this.tables = tables;
    this.schema = schema;
    this.clock = clock;
  }

  /** Who waits for a turn gives up. */
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
    while (!(await this.says(sql`pg_try_advisory_lock(hashtextextended(${lock}, 0))`))) {
      await this.clock.sleep(LOOK_MS, this.stopping.signal);
    }
    let isKept = false;
    try {
      await work();
    } finally {
      isKept = await this.says(sql`pg_advisory_unlock(hashtextextended(${lock}, 0))`).catch(() => false);
    }
    // With another connection, and so perhaps while somebody else did it, too.
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

  private async says(asked: ReturnType<typeof sql>): Promise<boolean> {
    const { rows } = await sql<{ said: boolean }>`select ${asked} as said`.execute(this.tables);
    return rows[0]?.said ?? false;
  }
}

/** Whose instances share a database. */
export interface SharedPart {
  /** Makes the database one that instances of this part share, for good. Throws `database_unfit` when it is another's. */
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
   * `where`: the database in messages. `assertMovable` throws, in the transaction of the first claim, if a single process has something in
   * its folder that others would not find.
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
