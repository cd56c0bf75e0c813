// Opens the registry's database, an SQLite file or PostgreSQL, and imports a book from before it had rows.
import { join } from 'node:path';
import { wallSeconds } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { fromUtf8 } from '@doorsill/contract/bytes';
import { type CustodySeams, SqlCustody } from '../custody/sql-custody-log.ts';
import { CUSTODY_TABLES, LEAVES_BY_HOME } from '../persistence/custody-schema.ts';
import { INSTANCE_TABLES, type InstanceTables } from '../persistence/instance-part.ts';
import { SqlSharedPart, turnsAt } from '../persistence/instance-turns.ts';
import type { Migrations } from '../persistence/migrations.ts';
import { type DatabasePlace, openAt, type PlaceSeams, placeName } from '../persistence/open-database.ts';
import { SqlCallCounts } from '../persistence/sql-call-counts.ts';
import { KEPT_ANSWERS_TABLE, SqlIdempotency } from '../persistence/sql-idempotency.ts';
import { type RegistryStore, readFormerBook } from './registry-store.ts';
import { BOOK_TABLES, type BookTables, SqlBook } from './sql-book.ts';

type Seams = CustodySeams & PlaceSeams;

/** File of a book from before it had rows; only without PostgreSQL. */
const FORMER_FILE = 'agencies.json';
/** File of answers to repeatable calls from that time. It is dropped: at worst a repeated application is processed again. */
const FORMER_ANSWERS = 'answers.json';
/** Files of a data folder. The first is the SQLite file. */
export const REGISTRY_FILES = ['custody.sqlite', FORMER_FILE] as const;
const FORMER_BYTES_MAX = 16 * 1024 * 1024;

interface Tables extends BookTables, InstanceTables {}

/** For PostgreSQL. */
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
  BOOK_TABLES,
];
/** For an SQLite file, which instances do not share. */
export const FILE_MIGRATIONS: Migrations = [CUSTODY_TABLES, LEAVES_BY_HOME, [...KEPT_ANSWERS_TABLE, ...BOOK_TABLES]];

/**
 * Opens the place, creating it if missing, migrates it to the current schema, and imports a book from before it had rows. Throws as
 * `openAt`, and `state_damaged` for such a book that cannot be read.
 */
export function openRegistryStore(place: DatabasePlace, seams: Seams): Promise<RegistryStore> {
  const { clock, disk } = seams;
  const isFile = place.address === null;
  return openAt<Tables, Omit<RegistryStore, 'close'>>(
    place,
    seams,
    isFile ? FILE_MIGRATIONS : MIGRATIONS,
    async (tables) => {
      const history = await SqlCustody.open(tables, seams);
      const isShared = place.address !== null && place.instance !== undefined;
      const book = new SqlBook(tables, history, { where: placeName(place), isShared });
      const nowS = wallSeconds(clock);
      await (isFile ? takeOverFile(book, disk, place.folder, nowS) : takeOverText(book, placeName(place), nowS));
      return {
        history,
        answers: new SqlIdempotency(tables),
        load: () => book.load(),
        change: (next) => book.change(next),
        shared: isFile
          ? null
          : {
              turns: turnsAt(place, tables, clock),
              sharedPart: new SqlSharedPart(tables, placeName(place)),
              callCounts: new SqlCallCounts(tables),
            },
      };
    },
  );
}

/** The file is renamed once its rows are durable. After a crash in between it is found again, and only renamed. */
async function takeOverFile(book: SqlBook, disk: Disk, folder: string, nowS: number): Promise<void> {
  const path = join(folder, FORMER_FILE);
  const bytes = await disk.readFile(path, FORMER_BYTES_MAX);
  if (!bytes) return;
  await book.takeOver(async () => readFormerBook(fromUtf8(bytes) ?? '', path, nowS));
  await disk.rename(path, `${path}.taken-over`);
  await disk.remove(join(folder, FORMER_ANSWERS));
}

/** Safe if another instance does it, too: transactions of instances run in turn, and the second finds no text. */
async function takeOverText(book: SqlBook, where: string, nowS: number): Promise<void> {
  await book.takeOver(async (step) => {
    const row = await step.selectFrom('registry_book').select('book').executeTakeFirst();
    if (!row) return null;
    await step.deleteFrom('registry_book').execute();
    return readFormerBook(row.book, where, nowS);
  });
}
