// Owns: the bridge's one SQLite file and the stores on top of it.
// Not here: opening and durability (sqlite-file.ts), what the stores mean (each capability's store.ts).
import { SqlAccessLog } from './access-log.ts';
import { type CustodySeams, SqlCustody } from './custody.ts';
import { SqlDocuments } from './documents.ts';
import { SqlEnrolments } from './enrolments.ts';
import { SqlHandOvers } from './hand-overs.ts';
import { SqlIntakes } from './intakes.ts';
import { SqlNeighbors } from './neighbors.ts';
import { SqlPartners } from './partners.ts';
import { SqlRequests } from './requests.ts';
import { MIGRATIONS, type Tables } from './schema.ts';
import { openSqlite } from './sqlite-file.ts';

/** All stores of one database. */
export interface Database {
  documents: SqlDocuments;
  enrolments: SqlEnrolments;
  requests: SqlRequests;
  partners: SqlPartners;
  neighbors: SqlNeighbors;
  intakes: SqlIntakes;
  handOvers: SqlHandOvers;
  accessLog: SqlAccessLog;
  custody: SqlCustody;
  close(): Promise<void>;
}

/**
 * Opens the file, made when missing, and brings it to today's schema; `seams` are where its log of custody has times and salts
 * from. Throws as `openSqlite` does.
 */
export async function openDatabase(path: string, seams: CustodySeams): Promise<Database> {
  const { tables: open, more: custody } = await openSqlite<Tables, SqlCustody>(path, MIGRATIONS, (tables) =>
    SqlCustody.open(tables, seams),
  );
  return {
    documents: new SqlDocuments(open, custody),
    enrolments: new SqlEnrolments(open),
    requests: new SqlRequests(open, custody),
    partners: new SqlPartners(open, custody),
    neighbors: new SqlNeighbors(open),
    intakes: new SqlIntakes(open, custody),
    handOvers: new SqlHandOvers(open, custody),
    accessLog: new SqlAccessLog(open, custody),
    custody,
    close: () => open.destroy(),
  };
}
