import { SqlRevocationList } from './agencies/sql-revocation-list.ts';
import { SqlAccessLog } from './clips/sql-access-log.ts';
import { type CustodySeams, SqlCustody } from './custody/sql-custody-log.ts';
import { SqlEnrolments } from './enrolment/sql-enrolments.ts';
import { SqlHandOvers } from './hand-over/sql-hand-overs.ts';
import { SqlCloneSigns } from './intake/sql-clone-signs.ts';
import { assertNoClipInFolder, SqlIntakes } from './intake/sql-intakes.ts';
import { SqlManifests } from './intake/sql-manifests.ts';
import { SqlVerdicts } from './intake/sql-verdicts.ts';
import { SqlNeighbors } from './neighbors/sql-neighbors.ts';
import { SqlPartners } from './partners/sql-partners.ts';
import { MIGRATIONS, type Tables } from './persistence/bridge-schema.ts';
import { SqlSharedPart, type Turns, turnsAt } from './persistence/instance-turns.ts';
import { type DatabasePlace, openAt, type PlaceSeams, placeName } from './persistence/open-database.ts';
import { SqlCallCounts } from './persistence/sql-call-counts.ts';
import { SqlHealth } from './persistence/sql-health.ts';
import { SqlIdempotency } from './persistence/sql-idempotency.ts';
import { SqlModerators } from './requests/sql-moderators.ts';
import { cancelOfPartner, SqlRequests } from './requests/sql-requests.ts';
import { SqlSearches } from './search-party/sql-searches.ts';
import { SqlWebhooks } from './webhooks/sql-webhooks.ts';

/** Row that names the bridge whose instances share the database. */
const SHARED_BRIDGE = { table: 'shared_bridge', column: 'bridge' };

/** All stores of one database. */
export interface Database {
  documents: SqlRevocationList;
  enrolments: SqlEnrolments;
  requests: SqlRequests;
  partners: SqlPartners;
  moderators: SqlModerators;
  webhooks: SqlWebhooks;
  answers: SqlIdempotency;
  /** Shared by several instances; SQLite has no such table. */
  callCounts: SqlCallCounts;
  health: SqlHealth;
  neighbors: SqlNeighbors;
  searches: SqlSearches;
  intakes: SqlIntakes;
  cloneSigns: SqlCloneSigns;
  handOvers: SqlHandOvers;
  manifests: SqlManifests;
  verdicts: SqlVerdicts;
  accessLog: SqlAccessLog;
  custody: SqlCustody;
  /** Turns among the instances that share the database. */
  turns: Turns & { stop(): void };
  sharedPart: SqlSharedPart<Tables>;
  close(): Promise<void>;
}

/**
 * Opens the database, creating it if missing, and migrates it to the current schema; `seams`: times and salts of its custody log. Throws as
 * `openAt`.
 */
export function openDatabase(place: DatabasePlace, seams: CustodySeams & PlaceSeams): Promise<Database> {
  return openAt<Tables, Omit<Database, 'close'>>(place, seams, MIGRATIONS, async (tables) => {
    const custody = await SqlCustody.open(tables, seams);
    return {
      documents: new SqlRevocationList(tables, custody),
      enrolments: new SqlEnrolments(tables),
      requests: new SqlRequests(tables, custody),
      partners: new SqlPartners(tables, (step, partner, nowS) => cancelOfPartner(step, partner, nowS, custody)),
      moderators: new SqlModerators(tables),
      webhooks: new SqlWebhooks(tables),
      answers: new SqlIdempotency(tables),
      callCounts: new SqlCallCounts(tables),
      health: new SqlHealth(tables),
      neighbors: new SqlNeighbors(tables),
      searches: new SqlSearches(tables),
      intakes: new SqlIntakes(tables, custody),
      cloneSigns: new SqlCloneSigns(tables),
      handOvers: new SqlHandOvers(tables, custody),
      manifests: new SqlManifests(tables, custody),
      verdicts: new SqlVerdicts(tables, custody),
      accessLog: new SqlAccessLog(tables, custody),
      custody,
      turns: turnsAt(place, tables, seams.clock),
      sharedPart: new SqlSharedPart(tables, placeName(place), SHARED_BRIDGE, assertNoClipInFolder),
    };
  });
}
