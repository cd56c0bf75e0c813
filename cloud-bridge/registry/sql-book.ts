// The registry's book in SQL: a row for each agency and for each entry of the revocation list, so that a change writes only the rows it
// changes.
import type { Generated, Kysely, Selectable, Transaction } from 'kysely';
import type { SqlCustody } from '../custody/sql-custody-log.ts';
import type { CustodyTables } from '../persistence/custody-schema.ts';
import type { KeptAnswerTables } from '../persistence/sql-idempotency.ts';
import { type Agency, type Book, EMPTY_BOOK } from './agency-book.ts';
import { type BookChange, readAgency, readList } from './registry-store.ts';

export interface BookTables extends CustodyTables, KeptAnswerTables {
  /** `place`: the order of first applications. `version`: the version of the book that last wrote the row. */
  registry_agencies: { place: Generated<number>; agency: string; entry: string; version: number };
  /** `scope`: empty for all of an agency's access. */
  registry_revoked: { agency: string; scope: string; up_to_revision: number; at_s: number };
  /** `version` grows with each change; `removed_version`: version of the last change that removed an agency. */
  registry_state: {
    one: number;
    version: number;
    removed_version: number;
    list_revision: number;
    forgotten_revision: number;
  };
  /** In PostgreSQL, a book as one text, from before it had rows. */
  registry_book: { one: number; book: string; version: number };
}

/** Statements that create them, as they were first released: never edit one. */
export const BOOK_TABLES = [
  `create table registry_agencies (
     place integer primary key autoincrement, agency text not null unique, entry text not null, version integer not null
   ) strict`,
  `create index registry_agencies_by_version on registry_agencies (version)`,
  `create table registry_revoked (
     agency text not null, scope text not null, up_to_revision integer not null, at_s integer not null,
     primary key (agency, scope)
   ) strict`,
  `create table registry_state (
     one integer primary key check (one = 1), version integer not null, removed_version integer not null,
     list_revision integer not null, forgotten_revision integer not null
   ) strict`,
];

/** A book and its stored version; 0: not stored yet. */
interface Known {
  book: Book;
  version: number;
}

type State = Selectable<BookTables['registry_state']>;

export class SqlBook {
  private readonly tables: Kysely<BookTables>;
  private readonly history: SqlCustody;
  private readonly options: { where: string; isShared: boolean };
  private known: Known | null = null;

  /** `where`: the database in messages. `isShared`: others may change the book. */
  constructor(tables: Kysely<BookTables>, history: SqlCustody, options: { where: string; isShared: boolean }) {
    this.tables = tables;
    this.history = history;
    this.options = options;
  }

  /** A sole owner of the database uses the cached book. Throws `state_damaged`. */
  async load(): Promise<Book> {
    if (!this.known || this.options.isShared) this.known = await this.newest(this.tables);
    return this.known.book;
  }

  /** As `RegistryStore.change` says. */
  async change(next: (book: Book) => BookChange | null): Promise<Book> {
    this.known = await this.tables.transaction().execute(async (step) => {
      const known = await this.newest(step);
      const changed = next(known.book);
      if (!changed) return known;
      const version = await write(step, known, changed.book);
      await this.history.append(step, changed.event);
      return { book: changed.book, version };
    });
    return this.known.book;
  }

  /** Stores the whole book that `read` returns in the same transaction, unless there is one already. */
  async takeOver(read: (step: Transaction<BookTables>) => Promise<Book | null>): Promise<void> {
    await this.tables.transaction().execute(async (step) => {
      const known = await step.selectFrom('registry_state').select('version').executeTakeFirst();
      const book = await read(step);
      if (book && !known) await write(step, { book: EMPTY_BOOK, version: 0 }, book);
    });
  }

  /** The newest book; reads only rows that are newer than the cached book. */
  private async newest(from: Kysely<BookTables>): Promise<Known> {
    const state = await from.selectFrom('registry_state').selectAll().executeTakeFirst();
    if (!state) return { book: EMPTY_BOOK, version: 0 };
    const { known } = this;
    if (known?.version === state.version) return known;
    const isFresh = known !== null && known.version >= state.removed_version;
    const agencies = isFresh
      ? await this.agenciesSince(from, known.version, known.book.agencies)
      : await this.agenciesSince(from, 0, []);
    return { book: await this.withList(from, state, agencies), version: state.version };
  }

  private async agenciesSince(from: Kysely<BookTables>, version: number, known: readonly Agency[]): Promise<Agency[]> {
    const rows = await from
      .selectFrom('registry_agencies')
      .select(['agency', 'entry'])
      .where('version', '>', version)
      .orderBy('place')
      .execute();
    const all = new Map(known.map((agency) => [agency.agency, agency]));
    for (const { agency, entry } of rows) all.set(agency, readAgency(entry, agency, this.options.where));
    return [...all.values()];
  }

  private async withList(from: Kysely<BookTables>, state: State, agencies: Agency[]): Promise<Book> {
    const rows = await from.selectFrom('registry_revoked').selectAll().orderBy('at_s').orderBy('agency').execute();
    const revoked = rows.map(({ agency, scope, up_to_revision, at_s }) => ({
      agency,
      upToRevision: up_to_revision,
      ...(scope === '' ? {} : { scope }),
      atS: at_s,
    }));
    const { list_revision: listRevision, forgotten_revision: forgottenRevision } = state;
    return readList({ agencies, revoked, listRevision, forgottenRevision }, this.options.where);
  }
}

/** Writes the rows that differ from the known book; returns the new version. Unchanged entries are the same objects in both. */
async function write(step: Transaction<BookTables>, known: Known, book: Book): Promise<number> {
  const version = known.version + 1;
  const before = new Set<unknown>(known.book.agencies);
  const kept = new Set(book.agencies.map(({ agency }) => agency));
  for (const agency of book.agencies.filter((one) => !before.has(one))) {
    const row = { entry: JSON.stringify(agency), version };
    await step
      .insertInto('registry_agencies')
      .values({ agency: agency.agency, ...row })
      .onConflict((conflict) => conflict.column('agency').doUpdateSet(row))
      .execute();
  }
  const removed = known.book.agencies.filter(({ agency }) => !kept.has(agency));
  for (const { agency } of removed) await step.deleteFrom('registry_agencies').where('agency', '=', agency).execute();
  await writeList(step, known.book.revoked, book.revoked);
  const state = {
    version,
    list_revision: book.listRevision,
    forgotten_revision: book.forgottenRevision,
    ...(removed.length > 0 ? { removed_version: version } : {}),
  };
  await step
    .insertInto('registry_state')
    .values({ one: 1, removed_version: 0, ...state })
    .onConflict((conflict) => conflict.column('one').doUpdateSet(state))
    .execute();
  return version;
}

async function writeList(step: Transaction<BookTables>, known: Book['revoked'], list: Book['revoked']): Promise<void> {
  const [before, after] = [new Set<unknown>(known), new Set<unknown>(list)];
  for (const { agency, scope = '' } of known.filter((entry) => !after.has(entry))) {
    await step.deleteFrom('registry_revoked').where('agency', '=', agency).where('scope', '=', scope).execute();
  }
  for (const { agency, scope = '', upToRevision, atS } of list.filter((entry) => !before.has(entry))) {
    const row = { up_to_revision: upToRevision, at_s: atS };
    await step
      .insertInto('registry_revoked')
      .values({ agency, scope, ...row })
      .onConflict((conflict) => conflict.columns(['agency', 'scope']).doUpdateSet(row))
      .execute();
  }
}
