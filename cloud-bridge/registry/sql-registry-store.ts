// Owns: the registry's book and the log of its changes: both in one database, or a file beside a log in SQLite. Not here: what the
// book says (registry/agency-standing.ts), the log (sql-custody-log.ts), opening and durability (open-database.ts).
import { join } from 'node:path';
import { fromUtf8, utf8 } from '../../device/base/bytes.ts';
import { type CustodySeams, SqlCustody } from '../custody/sql-custody-log.ts';
import { CUSTODY_TABLES, type CustodyTables, LEAVES_BY_HOME } from '../persistence/custody-schema.ts';
import type { Migrations } from '../persistence/migrations.ts';
import { type DatabasePlace, openAt, type PlaceSeams, placeName } from '../persistence/open-database.ts';
import { type RegistryStore, readBook } from './store.ts';

type Seams = CustodySeams & PlaceSeams;

/** Files of a data folder: the log first, because that is the one opened without PostgreSQL. */
export const REGISTRY_FILES = ['custody.sqlite', 'agencies.json'] as const;
const BOOK_BYTES_MAX = 16 * 1024 * 1024;

/** Opens the place, creating it if missing, and migrates it to the current schema. Throws as `openAt` does. */
export function openRegistryStore(place: DatabasePlace, seams: Seams): Promise<RegistryStore> {
  return place.address ? inOneDatabase(place, seams) : inTwoFiles(place, seams);
}

interface Tables extends CustodyTables {
  registry_book: { one: number; book: string };
}

const MIGRATIONS: Migrations = [
  [
    ...CUSTODY_TABLES,
    `create table registry_book (one integer primary key check (one = 1), book text not null) strict`,
  ],
  LEAVES_BY_HOME,
];
const HISTORY_MIGRATIONS: Migrations = [CUSTODY_TABLES, LEAVES_BY_HOME];

function inOneDatabase(place: DatabasePlace, seams: Seams): Promise<RegistryStore> {
  return openAt<Tables, Omit<RegistryStore, 'close'>>(place, seams, MIGRATIONS, async (tables) => {
    const history = await SqlCustody.open(tables, seams);
    return {
      history,
      load: async () => {
        const row = await tables.selectFrom('registry_book').select('book').executeTakeFirst();
        return row ? readBook(row.book, placeName(place)) : null;
      },
      save: (saved, told) =>
        tables.transaction().execute(async (step) => {
          const book = JSON.stringify(saved);
          await step
            .insertInto('registry_book')
            .values({ one: 1, book })
            .onConflict((conflict) => conflict.column('one').doUpdateSet({ book }))
            .execute();
          await history.append(step, told);
        }),
    };
  });
}

function inTwoFiles(place: DatabasePlace, seams: Seams): Promise<RegistryStore> {
  const { disk } = seams;
  const path = join(place.folder, REGISTRY_FILES[1]);
  return openAt<CustodyTables, Omit<RegistryStore, 'close'>>(place, seams, HISTORY_MIGRATIONS, async (tables) => {
    const history = await SqlCustody.open(tables, seams);
    return {
      history,
      load: async () => {
        const bytes = await disk.readFile(path, BOOK_BYTES_MAX);
        return bytes && readBook(fromUtf8(bytes) ?? '', path);
      },
      save: async (book, told) => {
        // The leaf first: a crash in between leaves an extra leaf, never a change that nobody can prove.
        await tables.transaction().execute((step) => history.append(step, told));
        await disk.replaceFile(path, utf8(`${JSON.stringify(book, null, 1)}\n`));
      },
    };
  });
}
