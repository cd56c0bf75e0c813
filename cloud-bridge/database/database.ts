// Owns: the bridge's one SQLite file and the stores on top of it.
// Not here: opening and durability (sqlite-file.ts), what the stores mean (each capability's store.ts).
import { SqlAccessLog } from './access-log.ts';
import { SqlAnswers } from './answers.ts';
import { type CustodySeams, SqlCustody } from './custody.ts';
import { SqlDocuments } from './documents.ts';
import { SqlEnrolments } from './enrolments.ts';
import { SqlHandOvers } from './hand-overs.ts';
import { SqlHealth } from './health.ts';
import { SqlIntakes } from './intakes.ts';
import { SqlModerators } from './moderators.ts';
import { SqlNeighbors } from './neighbors.ts';
import { SqlPartners } from './partners.ts';
import { SqlRequests } from './requests.ts';
import { MIGRATIONS, type Tables } from './schema.ts';
import { openSqlite } from './sqlite-file.ts';
import { SqlWebhooks } from './webhooks.ts';

/** All stores of one database. */
export interface Database {
  documents: SqlDocuments;
  enrolments: SqlEnrolments;
  requests: SqlRequests;
  partners: SqlPartners;
  moderators: SqlModerators;
  webhooks: SqlWebhooks;
  answers: SqlAnswers;
  health: SqlHealth;
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
export function openDatabase(path: string, seams: CustodySeams): Promise<Database> {
  return openSqlite<Tables, Omit<Database, 'close'>>(path, MIGRATIONS, async (tables) => {
    const custody = await SqlCustody.open(tables, seams);
    return {
      documents: new SqlDocuments(tables, custody),
      enrolments: new SqlEnrolments(tables),
      requests: new SqlRequests(tables, custody),
      partners: new SqlPartners(tables, custody),
      moderators: new SqlModerators(tables),
      webhooks: new SqlWebhooks(tables),
      answers: new SqlAnswers(tables),
      health: new SqlHealth(tables),
      neighbors: new SqlNeighbors(tables),
      intakes: new SqlIntakes(tables, custody),
      handOvers: new SqlHandOvers(tables, custody),
      accessLog: new SqlAccessLog(tables, custody),
      custody,
    };
  });
}
