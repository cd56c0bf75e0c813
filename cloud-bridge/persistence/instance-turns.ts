// Owns: doing what several instances on one database would all do in one of them at a time: by advisory locks of the database, which
// end with their holder's connection. Nobody is elected. Not here: what is done, the connection (postgres-connection.ts).
import { type Kysely, sql } from 'kysely';
import { type Clock, wallSeconds } from '../../device/base/clock.ts';
import { failure } from '../../device/protocol/errors.ts';
import type { Tables } from './bridge-schema.ts';

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

/** Between two looks at a lock that another instance has: a statement that waits for it would hold up all others of this process. */
const LOOK_MS = 50;

export class SqlTurns implements Turns {
  private readonly tables: Kysely<Tables>;
  private readonly clock: Clock;
  private readonly stopping = new AbortController();
  /** The locks are the connection's, and so this process's: its own turns of one name wait for each other here. */
  private readonly own = new Map<string, Promise<unknown>>();

  constructor(tables: Kysely<Tables>, clock: Clock) {
    this.tables = tables;
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
    const lock = `doorsill_bridge turn ${name}`;
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

/** Which bridge's instances share the database. */
export class SqlSharedBridge {
  private readonly tables: Kysely<Tables>;
  private readonly where: string;

  /** `where`: the database in messages. */
  constructor(tables: Kysely<Tables>, where: string) {
    this.tables = tables;
    this.where = where;
  }

  /** Null: one process has the database alone. */
  async find(): Promise<string | null> {
    const row = await this.tables.selectFrom('shared_bridge').select('bridge').executeTakeFirst();
    return row?.bridge ?? null;
  }

  /**
   * Makes the database one that instances of this bridge share, for good. Throws `database_unfit` when it is another bridge's, and when
   * there are clips that one process has in its folder.
   */
  async claim(bridge: string): Promise<void> {
    const known = await this.find();
    if (known === bridge) return;
    if (known !== null) throw this.unfit(`it belongs to ${known}, and the signing key is that of ${bridge}`);
    await this.tables.transaction().execute(async (step) => {
      const clips = step.selectFrom('intakes').select('clip').where('state', '=', 'stored');
      if (await clips.where('handed_over_s', 'is', null).executeTakeFirst()) {
        throw this.unfit('the clips of a single bridge are in its folder; they are not moved: hand them over first');
      }
      await step.insertInto('shared_bridge').values({ one: 1, bridge }).execute();
    });
  }

  /** Throws `database_unfit` for a database that instances share: a single process would not have their clips. */
  async assertNone(): Promise<void> {
    const known = await this.find();
    if (known !== null) throw this.unfit(`instances of ${known} share it: give this one its \`instance\` settings`);
  }

  private unfit(detail: string) {
    return failure('database_unfit', { file: this.where, detail });
  }
}
