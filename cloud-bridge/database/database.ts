// Owns: the bridge's one SQLite file and the stores on top of it.
// Not here: opening and durability (sqlite-file.ts), what the stores mean (each capability's store.ts).
import { SqlAccessLog } from './access-log.ts';
import { SqlDocuments } from './documents.ts';
import { SqlEnrolments } from './enrolments.ts';
import { SqlHandOvers } from './hand-overs.ts';
import { SqlIntakes } from './intakes.ts';
import { SqlRequests } from './requests.ts';
import { MIGRATIONS, type Tables } from './schema.ts';
import { openSqlite } from './sqlite-file.ts';

/** All stores of one database. */
export interface Database {
  documents: SqlDocuments;
  enrolments: SqlEnrolments;
  requests: SqlRequests;
  intakes: SqlIntakes;
  handOvers: SqlHandOvers;
  accessLog: SqlAccessLog;
  close(): Promise<void>;
}

/** Opens the file, made when missing, and brings it to today's schema. Throws `state_damaged`. */
export async function openDatabase(path: string): Promise<Database> {
  const open = await openSqlite<Tables>(path, MIGRATIONS);
  return {
    documents: new SqlDocuments(open),
    enrolments: new SqlEnrolments(open),
    requests: new SqlRequests(open),
    intakes: new SqlIntakes(open),
    handOvers: new SqlHandOvers(open),
    accessLog: new SqlAccessLog(open),
    close: () => open.destroy(),
  };
}
