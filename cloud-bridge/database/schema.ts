// Owns: the tables and how they came to be: migrations run forward only, each once, in order. Not here: queries.
import type { PartnerStatus } from '../partners/store.ts';
import type { RequestState } from '../requests/machine.ts';

export interface Tables {
  schema_version: { version: number };
  kept_documents: { name: string; token: string };
  enrolment_codes: { secret_sha256: string; expires_s: number; used_by: string | null };
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
    state: RequestState;
    revision: number;
    /** JSON. */
    findings: string;
    reason: string | null;
    partner: string | null;
    submitted_s: number;
    published_s: number;
    expires_s: number;
  };
  partners: {
    partner: string;
    name: string;
    status: PartnerStatus;
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
  area_cells: { cell: string; revision: number; parts: number };
  intakes: {
    device: string;
    grant_id: string;
    clip: string;
    request: string;
    agency: string;
    owner_key: string;
    grant_sha256: string;
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
    part: 'clip' | 'manifest' | 'list';
    reason: string;
    token: string;
  };
}

/** Statements that lead from each version to the next. Never edit one that was released: append. */
export const MIGRATIONS: readonly (readonly string[])[] = [
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
    `create index access_log_by_clip on access_log (clip)`,
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
    // SQLite cannot change a check: the table is made anew, as https://sqlite.org/lang_altertable.html#otheralter says.
    `create table requests_2 (
       request text primary key, agency text not null, agency_key text not null, organisation text not null,
       token text not null, token_sha256 text not null, publication text not null, investigation text not null,
       state text not null check (
         state in ('draft', 'in_moderation', 'published', 'resolved', 'expired', 'cancelled', 'refused')
       ),
       revision integer not null, findings text not null, reason text, partner text references partners (partner),
       submitted_s integer not null, published_s integer not null, expires_s integer not null
     ) strict`,
    `insert into requests_2
       select request, agency, agency_key, agency, token, token_sha256, publication, investigation, state, 1, '[]', null,
         null, published_s, published_s, expires_s
       from requests`,
    `drop table requests`,
    `alter table requests_2 rename to requests`,
    `create index requests_by_investigation on requests (organisation, investigation)`,
    `create index requests_by_expiry on requests (expires_s) where published_s > 0`,
    `create index requests_by_publication on requests (published_s, request) where published_s > 0`,
    `create index requests_of_organisation on requests (organisation, published_s, request, state)`,
    `create index requests_waiting on requests (state, submitted_s, request) where state in ('draft', 'in_moderation')`,
    `create index requests_by_state on requests (state) where published_s > 0`,
    `create index requests_by_partner on requests (partner) where partner is not null`,
  ],
];
