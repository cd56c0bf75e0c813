// The bridge's tables and migrations, which run forward only, each once, in order.

import type { AccessAction, AccessPart } from '@doorsill/contract/custody';
import type { ClipKeeper, VerdictOutcome } from '@doorsill/contract/sealing';
import type { Generated, GeneratedAlways } from 'kysely';
import { CUSTODY_TABLES, type CustodyTables, LEAVES_BY_HOME } from './custody-schema.ts';
import type { TurnTables } from './instance-turns.ts';
import type { Migrations } from './migrations.ts';
import { CALL_COUNTS_TABLE, type CallCountTables } from './sql-call-counts.ts';
import type { HealthTables } from './sql-health.ts';
import { KEPT_ANSWERS_TABLE, type KeptAnswerTables } from './sql-idempotency.ts';

export interface Tables extends CustodyTables, TurnTables, CallCountTables, KeptAnswerTables, HealthTables {
  schema_version: { version: number };
  kept_documents: { name: string; token: string; revision: Generated<number> };
  enrolment_codes: { secret_sha256: string; expires_s: number; devices_max: number; enrolled: number };
  /** The keys that have used a code; as many as it counts as enrolled. */
  enrolment_uses: { secret_sha256: string; key: string };
  devices: { device: string; key: string; enrolled_s: number };
  requests: {
    request: string;
    agency: string;
    agency_key: string;
    organisation: string;
    token: string;
    token_sha256: string;
    publication: string;
    investigation: string;
    state: 'draft' | 'in_moderation' | 'published' | 'resolved' | 'expired' | 'cancelled' | 'refused';
    revision: number;
    /** JSON. */
    findings: string;
    reason: string | null;
    moderator: string | null;
    partner: string | null;
    submitted_s: number;
    published_s: number;
    expires_s: number;
  };
  moderators: { moderator: string; name: string; since_s: number; token_sha256: string };
  webhooks: { organisation: string; agency: string; url: string | null; secret: string; said_s: number };
  webhook_events: {
    event: string;
    organisation: string;
    type:
      | `request.${'published' | 'resolved' | 'cancelled' | 'expired'}`
      | `clip.${'available' | 'revoked' | 'recalled'}`;
    body: string;
    made_s: number;
    attempts: number;
    next_s: number;
    state: 'waiting' | 'delivered' | 'given-up';
    detail: string;
    /** Order of creation. */
    place: number;
  };
  /** Last leaf of the custody log, and last time, up to which events were made. */
  webhook_progress: { one: number; leaf: number; swept_s: number };
  partners: {
    partner: string;
    name: string;
    status: 'active' | 'suspended' | 'ended';
    since_s: number;
    revision: number;
    token_sha256: string;
    webhook_secret: string;
  };
  agency_profiles: {
    organisation: string;
    agency: string;
    name: string;
    jurisdiction: string;
    domain: string;
    /** JSON. */
    profiles: string;
    retention: string;
    seen_s: number;
  };
  request_cells: { request: string; cell: string };
  searches: {
    search: string;
    device: string;
    poster_key: string;
    token: string;
    token_sha256: string;
    publication: string;
    photo: string;
    state: 'open' | 'ended';
    posted_s: number;
    expires_s: number;
  };
  search_cells: { search: string; cell: string; place: number };
  search_documents: { cell: string; revision: number; parts: number };
  area_cells: { cell: string; revision: number; parts: number };
  intakes: {
    device: string;
    grant_id: string;
    clip: string;
    request: string;
    agency: string;
    owner_key: string;
    grant_sha256: string;
    /** Full manifests from before sealing, until the next start seals them; empty since. */
    manifest: string;
    manifest_sha256: string;
    clip_sha256: string;
    clip_bytes: number;
    expires_s: number;
    upload: string;
    uploading: number;
    creations: number;
    state: 'open' | 'stored' | 'deleted';
    refusal: string | null;
    receipt: string | null;
    stored_s: number | null;
    vault: string | null;
    handed_over_s: number | null;
    /** Empty once deleted or handed over, and for a clip from before statements existed. */
    statement: string;
    statement_sha256: string;
    home: string;
    statement_receipt: string | null;
    /** 1: only its recipient can read the clip. */
    is_sealed: Generated<number>;
  };
  verdicts: {
    device: string;
    grant_id: string;
    said_by: ClipKeeper;
    /** The key that signed it. */
    signer: string;
    outcome: VerdictOutcome;
    token: string;
    /** Its leaf in the custody log. */
    leaf: number;
  };
  sealed_manifests: { device: string; grant_id: string; sealed: Uint8Array };
  hand_overs: {
    device: string;
    grant_id: string;
    item: string;
    state: 'offered' | 'handed-over' | 'confirmed' | 'withdrawing' | 'withdrawn' | 'recalling' | 'recalled';
    acknowledgement: string | null;
    revocation: string | null;
    pairing: string | null;
    answer: string | null;
    home_recall: string | null;
  };
  revoked_grants: {
    device: string;
    grant_id: string;
    owner_key: string;
    grant_sha256: string;
    receipt: string;
    revoked_s: number;
  };
  access_log: {
    at_us: number;
    agency: string;
    clip: string;
    part: AccessPart;
    reason: string;
    token: string;
    action: AccessAction;
    officer: string;
    /** Its leaf in the custody log; null for accesses from before that log existed. */
    leaf: number | null;
    /** The database's own row number: the order in which accesses were written. */
    rowid: GeneratedAlways<number>;
  };
  /** The bridge whose instances share this database; no row: one process has it alone. */
  shared_bridge: { one: number; bridge: string };
  clone_signs: { device: string; code: `device_clone_${'clip' | 'turns'}` } & Record<
    'first_s' | 'last_s' | 'times',
    number
  >;
}

const REQUEST_STATES = `'draft', 'in_moderation', 'published', 'resolved', 'expired', 'cancelled', 'refused'`;

export const MIGRATIONS: Migrations = [
  [
    `create table kept_documents (name text primary key, token text not null) strict`,
    `create table enrolment_codes (secret_sha256 text primary key, expires_s integer not null, used_by text) strict`,
    `create table devices (device text primary key, key text not null unique, enrolled_s integer not null) strict`,
    `create table requests (
       request text primary key, agency text not null, agency_key text not null, token text not null,
       token_sha256 text not null, publication text not null, investigation text not null,
       state text not null check (state in ('published', 'resolved')),
       published_s integer not null, expires_s integer not null
     ) strict`,
    `create index requests_by_investigation on requests (agency, investigation)`,
    `create index requests_by_expiry on requests (expires_s)`,
    `create table request_cells (
       request text not null references requests (request), cell text not null, primary key (request, cell)
     ) strict`,
    `create index request_cells_by_cell on request_cells (cell)`,
    `create table area_cells (cell text primary key, revision integer not null, parts integer not null) strict`,
    `create table intakes (
       device text not null references devices (device), grant_id text not null, clip text not null unique,
       request text not null references requests (request), agency text not null, owner_key text not null,
       grant_sha256 text not null, manifest text not null, manifest_sha256 text not null, clip_sha256 text not null,
       clip_bytes integer not null, expires_s integer not null, upload text not null unique,
       uploading integer not null, creations integer not null,
       state text not null check (state in ('open', 'stored', 'deleted')),
       refusal text, receipt text, stored_s integer, primary key (device, grant_id)
     ) strict`,
    `create index intakes_by_state on intakes (state)`,
    `create index intakes_by_agency on intakes (agency, state)`,
    `create table revoked_grants (
       device text not null references devices (device), grant_id text not null, owner_key text not null,
       grant_sha256 text not null, receipt text not null, revoked_s integer not null, primary key (device, grant_id)
     ) strict`,
    `create table access_log (
       at_us integer not null, agency text not null, clip text not null, part text not null, reason text not null,
       token text not null
     ) strict`,
    // SQLite numbers rows automatically.
    {
      sqlite: [],
      postgres: [`alter table access_log add column rowid bigint generated always as identity primary key`],
    },
    `create index access_log_by_clip on access_log (clip)`,
  ],
  [
    ...CUSTODY_TABLES,
    `alter table access_log add column action text not null default 'view'`,
    `alter table access_log add column leaf integer`,
    `update access_log set action = 'download' where part = 'clip'`,
    `create index access_log_by_agency on access_log (agency)`,
    `alter table kept_documents add column revision integer not null default 0`,
  ],
  [
    `alter table intakes add column vault text`,
    `alter table intakes add column handed_over_s integer`,
    `create index intakes_to_hand_over on intakes (vault, state, handed_over_s)`,
    `create table hand_overs (
       device text not null, grant_id text not null, item text not null unique,
       state text not null check (state in
         ('offered', 'handed-over', 'confirmed', 'withdrawing', 'withdrawn', 'recalling', 'recalled')),
       acknowledgement text, revocation text, pairing text, answer text,
       primary key (device, grant_id), foreign key (device, grant_id) references intakes (device, grant_id)
     ) strict`,
    `create index hand_overs_by_state on hand_overs (state)`,
  ],
  [
    `create table partners (
       partner text primary key, name text not null, status text not null check (status in ('active', 'suspended', 'ended')),
       since_s integer not null, revision integer not null, token_sha256 text not null, webhook_secret text not null
     ) strict`,
    `create table agency_profiles (
       organisation text primary key, agency text not null, name text not null, jurisdiction text not null,
       domain text not null, profiles text not null, retention text not null, seen_s integer not null
     ) strict`,
    {
      // SQLite cannot change a check: the table is rebuilt, as in https://sqlite.org/lang_altertable.html#otheralter.
      sqlite: [
        `create table requests_2 (
           request text primary key, agency text not null, agency_key text not null, organisation text not null,
           token text not null, token_sha256 text not null, publication text not null, investigation text not null,
           state text not null check (state in (${REQUEST_STATES})),
           revision integer not null, findings text not null, reason text, partner text references partners (partner),
           submitted_s integer not null, published_s integer not null, expires_s integer not null
         ) strict`,
        `insert into requests_2
           select request, agency, agency_key, agency, token, token_sha256, publication, investigation, state, 1, '[]', null,
             null, published_s, published_s, expires_s
           from requests`,
        `drop table requests`,
        `alter table requests_2 rename to requests`,
      ],
      postgres: [
        `drop index requests_by_investigation, requests_by_expiry`,
        `alter table requests drop constraint requests_state_check, add check (state in (${REQUEST_STATES})),
           add column organisation text collate "C", add column revision bigint not null default 1,
           add column findings text collate "C" not null default '[]', add column reason text collate "C",
           add column partner text collate "C" references partners (partner), add column submitted_s bigint`,
        `update requests set organisation = agency, submitted_s = published_s`,
        `alter table requests alter column organisation set not null, alter column submitted_s set not null`,
      ],
    },
    `create index requests_by_investigation on requests (organisation, investigation)`,
    // None is a partial index: with bound parameters, SQLite does not see that a partial one would apply.
    `create index requests_by_expiry on requests (expires_s)`,
    `create index requests_by_publication on requests (published_s, request)`,
    `create index requests_by_state on requests (state, published_s)`,
    `create index requests_of_organisation on requests (organisation, published_s, request, state)`,
    `create index requests_waiting on requests (state, submitted_s, request)`,
    `create index requests_by_partner on requests (partner)`,
  ],
  [
    `create table searches (
       search text primary key, device text not null references devices (device), poster_key text not null,
       token text not null, token_sha256 text not null, publication text not null, photo text not null,
       state text not null check (state in ('open', 'ended')), posted_s integer not null, expires_s integer not null
     ) strict`,
    `create index searches_by_home on searches (device, posted_s)`,
    `create index searches_by_expiry on searches (expires_s)`,
    `create table search_cells (
       search text not null references searches (search) on delete cascade, cell text not null, place integer not null,
       primary key (search, cell)
     ) strict`,
    `create index search_cells_by_cell on search_cells (cell)`,
    `create table search_documents (cell text primary key, revision integer not null, parts integer not null) strict`,
    // A clip may also answer a neighbour's search, so its `request` need not be a row of requests.
    {
      sqlite: [
        `create table intakes_2 (
           device text not null references devices (device), grant_id text not null, clip text not null unique,
           request text not null, agency text not null, owner_key text not null,
           grant_sha256 text not null, manifest text not null, manifest_sha256 text not null, clip_sha256 text not null,
           clip_bytes integer not null, expires_s integer not null, upload text not null unique,
           uploading integer not null, creations integer not null,
           state text not null check (state in ('open', 'stored', 'deleted')),
           refusal text, receipt text, stored_s integer, vault text, handed_over_s integer, primary key (device, grant_id)
         ) strict`,
        `insert into intakes_2
           select device, grant_id, clip, request, agency, owner_key, grant_sha256, manifest, manifest_sha256, clip_sha256,
             clip_bytes, expires_s, upload, uploading, creations, state, refusal, receipt, stored_s, vault, handed_over_s
           from intakes`,
        `drop table intakes`,
        `alter table intakes_2 rename to intakes`,
        `create index intakes_by_state on intakes (state)`,
        `create index intakes_by_agency on intakes (agency, state)`,
        `create index intakes_to_hand_over on intakes (vault, state, handed_over_s)`,
      ],
      postgres: [`alter table intakes drop constraint intakes_request_fkey`],
    },
  ],
  [
    `alter table access_log add column officer text not null default ''`,
    `alter table requests add column moderator text`,
    `create index requests_of_agency on requests (organisation, submitted_s, request)`,
    `create table moderators (
       moderator text primary key, name text not null, since_s integer not null, token_sha256 text not null unique
     ) strict`,
    `create table health (one integer primary key check (one = 1), written_s integer not null) strict`,
    `create table webhooks (
       organisation text primary key, agency text not null, url text, secret text not null, said_s integer not null
     ) strict`,
    `create table webhook_events (
       event text primary key, organisation text not null references webhooks (organisation), type text not null,
       body text not null, made_s integer not null, attempts integer not null, next_s integer not null,
       state text not null check (state in ('waiting', 'delivered', 'given-up')), detail text not null,
       place integer not null unique
     ) strict`,
    `create index webhook_events_due on webhook_events (state, next_s, place)`,
    `create index webhook_events_of_agency on webhook_events (organisation, place)`,
    `create index webhook_events_by_age on webhook_events (made_s)`,
    `create table webhook_progress (
       one integer primary key check (one = 1), leaf integer not null, swept_s integer not null
     ) strict`,
    ...KEPT_ANSWERS_TABLE,
    `create index intakes_of_agency on intakes (agency, state, stored_s, clip)`,
  ],
  [
    // Their devices open them again, with a statement, and upload them again.
    `delete from intakes where state = 'open'`,
    `alter table intakes add column statement text not null default ''`,
    `alter table intakes add column statement_sha256 text not null default ''`,
    `alter table intakes add column statement_receipt text`,
    `alter table intakes add column home text not null default ''`,
    `alter table hand_overs add column home_recall text`,
    `create table sealed_manifests (
       device text not null, grant_id text not null, sealed blob not null, primary key (device, grant_id),
       foreign key (device, grant_id) references intakes (device, grant_id)
     ) strict`,
  ],
  LEAVES_BY_HOME,
  [
    `alter table enrolment_codes add column devices_max integer not null default 1`,
    `alter table enrolment_codes add column enrolled integer not null default 0`,
    `create table enrolment_uses (
       secret_sha256 text not null references enrolment_codes (secret_sha256) on delete cascade, key text not null,
       primary key (secret_sha256, key)
     ) strict`,
    `insert into enrolment_uses select secret_sha256, used_by from enrolment_codes where used_by is not null`,
    `update enrolment_codes set enrolled = 1 where used_by is not null`,
    `alter table enrolment_codes drop column used_by`,
  ],
  [
    // An SQLite index ends with the row's number by itself.
    {
      sqlite: [],
      postgres: [
        `drop index access_log_by_clip, access_log_by_agency`,
        `create index access_log_by_clip on access_log (clip, rowid)`,
        `create index access_log_by_agency on access_log (agency, rowid)`,
      ],
    },
    `create index intakes_unsealed on intakes (device) where manifest <> ''`,
    `create index area_cells_published on area_cells (cell) where parts > 0`,
    `create index search_documents_published on search_documents (cell) where parts > 0`,
    `drop index requests_by_partner`,
    `create index requests_by_partner on requests (partner, expires_s)`,
    `create index webhook_events_by_type on webhook_events (type, state)`,
  ],
  {
    beside: [
      `create table shared_bridge (one integer primary key check (one = 1), bridge text not null) strict`,
      `create table turns (name text primary key, done_s integer not null) strict`,
    ],
  },
  { beside: [CALL_COUNTS_TABLE] },
  {
    beside: [
      `create table clone_signs (
         device text not null, code text not null, first_s integer not null, last_s integer not null, times integer not null,
         primary key (device, code)
       ) strict`,
      `create index clone_signs_by_last on clone_signs (last_s, device, code)`,
    ],
  },
  {
    beside: [
      `alter table intakes add column is_sealed integer not null default 0`,
      `create table verdicts (
         device text not null, grant_id text not null, said_by text not null check (said_by in ('vault', 'recipient')),
         signer text not null, outcome text not null, token text not null, leaf integer not null,
         primary key (device, grant_id, said_by, signer, outcome)
       ) strict`,
    ],
  },
];
