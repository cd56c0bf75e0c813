// Owns: a log of custody in a file of its own, for a process whose events are not in a database. Not here: the log (custody.ts).
import type { CustodyEvent, CustodyStore } from '../custody/store.ts';
import { type CustodySeams, SqlCustody } from './custody.ts';
import { CUSTODY_TABLES, type CustodyTables } from './custody-schema.ts';
import { openSqlite } from './sqlite-file.ts';

/** A log, and the one way to add to it. */
export interface CustodyFile {
  store: CustodyStore;
  /** Appends the leaf that tells `event`; durable when it returns its number. */
  append(event: CustodyEvent): Promise<number>;
  close(): Promise<void>;
}

/** Opens the file, made when missing. Throws as `openSqlite` does. */
export function openCustodyFile(path: string, seams: CustodySeams): Promise<CustodyFile> {
  return openSqlite<CustodyTables, Omit<CustodyFile, 'close'>>(path, [CUSTODY_TABLES], async (tables) => {
    const store = await SqlCustody.open(tables, seams);
    return { store, append: (event) => tables.transaction().execute((step) => store.append(step, event)) };
  });
}
