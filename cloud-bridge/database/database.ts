// Owns: the bridge's one database and the stores on top of it.
// Not here: opening and durability (place.ts), what the stores mean (each capability's store.ts).
import { SqlAccessLog } from './access-log.ts';
import { type CustodySeams, SqlCustody } from './custody.ts';
import { SqlDocuments } from './documents.ts';
import { SqlEnrolments } from './enrolments.ts';
import { SqlHandOvers } from './hand-overs.ts';
import { SqlHealth } from './health.ts';
import { SqlIdempotency } from './idempotency.ts';
import { SqlIntakes } from './intakes.ts';
import { SqlManifests } from './manifests.ts';
import { SqlModerators } from './moderators.ts';
import { SqlNeighbors } from './neighbors.ts';
import { SqlPartners } from './partners.ts';
import { type DatabasePlace, openAt, type PlaceSeams } from './place.ts';
import { SqlRequests } from './requests.ts';
import { MIGRATIONS, type Tables } from './schema.ts';
import { SqlSearches } from './searches.ts';
import { SqlWebhooks } from './webhooks.ts';

/** All stores of one database. */
export interface Database {
  documents: SqlDocuments;
  enrolments: SqlEnrolments;
  requests: SqlRequests;
  partners: SqlPartners;
  moderators: SqlModerators;
  webhooks: SqlWebhooks;
  answers: SqlIdempotency;
  health: SqlHealth;
  neighbors: SqlNeighbors;
  searches: SqlSearches;
  intakes: SqlIntakes;
  handOvers: SqlHandOvers;
  manifests: SqlManifests;
  accessLog: SqlAccessLog;
  custody: SqlCustody;
  close(): Promise<void>;
}

/**
 * Opens the database, made when missing, and brings it to today's schema; `seams` are where its log of custody has times and
 * salts from. Throws as `openAt` does.
 */
export function openDatabase(place: DatabasePlace, seams: CustodySeams & PlaceSeams): Promise<Database> {
  return openAt<Tables, Omit<Database, 'close'>>(place, seams, MIGRATIONS, async (tables) => {
    const custody = await SqlCustody.open(tables, seams);
    return {
      documents: new SqlDocuments(tables, custody),
      enrolments: new SqlEnrolments(tables),
      requests: new SqlRequests(tables, custody),
      partners: new SqlPartners(tables, custody),
      moderators: new SqlModerators(tables),
      webhooks: new SqlWebhooks(tables),
      answers: new SqlIdempotency(tables),
      health: new SqlHealth(tables),
      neighbors: new SqlNeighbors(tables),
      searches: new SqlSearches(tables),
      intakes: new SqlIntakes(tables, custody),
      handOvers: new SqlHandOvers(tables, custody),
      manifests: new SqlManifests(tables, custody),
      accessLog: new SqlAccessLog(tables, custody),
      custody,
    };
  });
}
