// Owns: the registry's book and the log of its changes: both in one database, or a file beside a log in SQLite. Not here: what the
// book says (registry/agency-standing.ts), the log (sql-custody-log.ts), opening and durability (open-database.ts).
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import { fromUtf8, utf8 } from '../../device/base/bytes.ts';
import { type CustodySeams, SqlCustody } from '../custody/sql-custody-log.ts';
import { CUSTODY_TABLES, type CustodyTables, LEAVES_BY_HOME } from '../persistence/custody-schema.ts';
import { INSTANCE_TABLES, type InstanceTables } from '../persistence/instance-part.ts';
import { SqlSharedPart, turnsAt } from '../persistence/instance-turns.ts';
import type { Migrations } from '../persistence/migrations.ts';
import { type DatabasePlace, openAt, type PlaceSeams, placeName } from '../persistence/open-database.ts';
import { SqlCallCounts } from '../persistence/sql-call-counts.ts';
import { KEPT_ANSWERS_TABLE, type KeptAnswerTables, SqlIdempotency } from '../persistence/sql-idempotency.ts';
import { type Book, EMPTY_BOOK } from './agency-standing.ts';
import { IdempotencyFile } from './idempotency-file.ts';
import { type RegistryStore, readBook } from './store.ts';

type Seams = CustodySeams & PlaceSeams;

/** Files of a data folder: the log first, because that is the one opened without PostgreSQL. */
export const REGISTRY_FILES = ['custody.sqlite', 'agencies.json'] as const;
const BOOK_BYTES_MAX = 16 * 1024 * 1024;

/** Opens the place, creating it if missing, and migrates it to the current schema. Throws as `openAt` does. */
export function openRegistryStore(place: DatabasePlace, seams: Seams): Promise<RegistryStore> {
  return place.address ? inOneDatabase(place, seams) : inTwoFiles(place, seams);
}

interface Tables extends CustodyTables, InstanceTables, KeptAnswerTables {
  /** `version` grows with each change. */
  registry_book: { one: number; book: string; version: number };
}

export const MIGRATIONS: Migrations = [
  [
    ...CUSTODY_TABLES,
    `create table registry_book (one integer primary key check (one = 1), book text not null) strict`,
  ],
  LEAVES_BY_HOME,
  [
    `alter table registry_book add column version integer not null default 0`,
    ...INSTANCE_TABLES,
    ...KEPT_ANSWERS_TABLE,
  ],
];
const HISTORY_MIGRATIONS: Migrations = [CUSTODY_TABLES, LEAVES_BY_HOME];

function inOneDatabase(place: DatabasePlace & { instance?: string | undefined }, seams: Seams): Promise<RegistryStore> {
  return openAt<Tables, Omit<RegistryStore, 'close'>>(place, seams, MIGRATIONS, async (tables) => {
    const history = await SqlCustody.open(tables, seams);
    const book = new SqlBook(tables, history, placeName(place), place.instance !== undefined);
    return {
      history,
      answers: new SqlIdempotency(tables),
      load: () => book.load(),
      change: (next) => book.change(next),
      shared: {
        turns: turnsAt(place, tables, seams.clock),
        sharedPart: new SqlSharedPart(tables, placeName(place)),
        callCounts: new SqlCallCounts(tables),
      },
    };
  });
}

/** The book in a database, which other instances may have changed since it was read. */
class SqlBook {
  private readonly tables: Kysely<Tables>;
  private readonly history: SqlCustody;
  private readonly where: string;
  private readonly isShared: boolean;
  private known: { book: Book; version: number } | null = null;

  constructor(tables: Kysely<Tables>, history: SqlCustody, where: string, isShared: boolean) {
    this.tables = tables;
    this.history = history;
    this.where = where;
    this.isShared = isShared;
  }

  /** Who has the database alone knows the book without asking. */
  async load(): Promise<Book> {
    if (!this.known || this.isShared) this.known = await this.newest(this.tables);
    return this.known.book;
  }

  async change(next: Parameters<RegistryStore['change']>[0]): Promise<Book> {
    this.known = await this.tables.transaction().execute(async (step) => {
      const known = await this.newest(step);
      const changed = next(known.book);
      if (!changed) return known;
      const row = { book: JSON.stringify(changed.book), version: known.version + 1 };
      await step
        .insertInto('registry_book')
        .values({ one: 1, ...row })
        .onConflict((conflict) => conflict.column('one').doUpdateSet(row))
        .execute();
      await this.history.append(step, changed.told);
      return { book: changed.book, version: row.version };
    });
    return this.known.book;
  }

  /** Reads the book only when it is another than the one that is known. */
  private async newest(from: Kysely<Tables>): Promise<{ book: Book; version: number }> {
    const row = await from
      .selectFrom('registry_book')
      .select(['book', 'version'])
      .where('version', '<>', this.known?.version ?? -1)
      .executeTakeFirst();
    if (row) return { book: readBook(row.book, this.where), version: row.version };
    return this.known ?? { book: EMPTY_BOOK, version: 0 };
  }
}

function inTwoFiles(place: DatabasePlace, seams: Seams): Promise<RegistryStore> {
  const { disk } = seams;
  const path = join(place.folder, REGISTRY_FILES[1]);
  return openAt<CustodyTables, Omit<RegistryStore, 'close'>>(place, seams, HISTORY_MIGRATIONS, async (tables) => {
    const history = await SqlCustody.open(tables, seams);
    let known: Book | null = null;
    const load = async () => {
      if (known) return known;
      const bytes = await disk.readFile(path, BOOK_BYTES_MAX);
      known = bytes ? readBook(fromUtf8(bytes) ?? '', path) : EMPTY_BOOK;
      return known;
    };
    return {
      history,
      answers: new IdempotencyFile(disk, place.folder),
      load,
      change: async (next) => {
        const book = await load();
        const changed = next(book);
        if (!changed) return book;
        // The leaf first: a crash in between leaves an extra leaf, never a change that nobody can prove.
        await tables.transaction().execute((step) => history.append(step, changed.told));
        await disk.replaceFile(path, utf8(`${JSON.stringify(changed.book, null, 1)}\n`));
        known = changed.book;
        return changed.book;
      },
      shared: null,
    };
  });
}
