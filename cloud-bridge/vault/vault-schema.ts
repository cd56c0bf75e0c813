import { INSTANCE_TABLES, type InstanceTables } from '../persistence/instance-part.ts';
import { type Migrations, refusal } from '../persistence/migrations.ts';
import type { HealthTables } from '../persistence/sql-health.ts';

export interface ItemRow {
  item: string;
  agency: string;
  bridge: string;
  home: string;
  grant_id: string;
  clip: string;
  request: string;
  investigation: string;
  source: 'community-request' | 'individual';
  owner_key: string;
  device_key: string;
  grant_sha256: string;
  manifest: string;
  manifest_sha256: string;
  clip_sha256: string;
  clip_bytes: number;
  recorded_s: number;
  uploaded_s: number;
  state: 'held' | 'active' | 'deleted' | 'erased';
  access_class: 'none' | 'restricted' | 'confidential';
  triage: 'pending' | 'accepted' | 'declined';
  deleted_s: number | null;
  deleted_by: 'retention' | 'officer' | null;
  restored_s: number | null;
  due_s: number | null;
  acknowledgement: string;
  recall: string | null;
  deletion: string | null;
  object: string;
  verdict: string;
}

export interface Tables extends InstanceTables, HealthTables {
  items: ItemRow;
  item_categories: { item: string; category: string };
  item_cases: { item: string; case_id: string };
  categories: { agency: string; category: string; period_s: number | null };
  policies: {
    agency: string;
    recall: 'erase' | 'restrict' | 'keep';
    recall_reason: string | null;
    declined: number;
    declined_period_s: number | null;
  };
  trail: {
    sequence: number | undefined;
    at_us: number;
    agency: string;
    item: string;
    cases: string;
    by: string;
    officer: string;
    reason: string;
    event: string;
    detail: string;
  };
  clients: { client: string; agency: string; secret_sha256: string; scopes: string; addresses: string };
  tokens: { token_sha256: string; client: string; agency: string; scopes: string; expires_s: number };
  links: {
    link_sha256: string;
    item: string;
    agency: string;
    by: string;
    officer: string;
    reason: string;
    expires_s: number;
    used: number;
  };
  bridges: { bridge: string; key: string };
  /** An agency's ids: `organisation` is the first one, `successor` the next, if its key was rotated. */
  agency_keys: { agency: string; organisation: string; successor: string | null };
  offers: { item: string; offer: string; manifest: string; receipt: string; at_s: number };
}

export const MIGRATIONS: Migrations = [
  [
    `create table items (
       item text primary key, agency text not null, bridge text not null, device text not null, grant_id text not null,
       clip text not null, request text not null, investigation text not null,
       source text not null check (source in ('community-request', 'individual')),
       owner_key text not null, device_key text not null, grant_sha256 text not null,
       manifest text not null, manifest_sha256 text not null, clip_sha256 text not null, clip_bytes integer not null,
       recorded_s integer not null, uploaded_s integer not null,
       state text not null check (state in ('held', 'active', 'deleted', 'erased')),
       access_class text not null check (access_class in ('none', 'restricted', 'confidential')),
       triage text not null check (triage in ('pending', 'accepted', 'declined')),
       deleted_s integer, deleted_by text check (deleted_by in ('retention', 'officer')), restored_s integer,
       due_s integer, acknowledgement text not null, recall text, deletion text,
       unique (bridge, device, grant_id)
     ) strict`,
    `create index items_by_agency on items (agency, uploaded_s desc, item)`,
    `create index items_by_due on items (state, due_s)`,
    `create index items_by_deletion on items (state, deleted_s)`,
    `create table item_categories (
       item text not null references items (item), category text not null, primary key (item, category)
     ) strict`,
    `create table item_cases (
       item text not null references items (item), case_id text not null, primary key (item, case_id)
     ) strict`,
    `create table categories (
       agency text not null, category text not null, period_s integer, primary key (agency, category)
     ) strict`,
    `create table policies (
       agency text primary key, recall text not null check (recall in ('erase', 'restrict', 'keep')), recall_reason text,
       declined integer not null, declined_period_s integer,
       check (recall <> 'keep' or recall_reason is not null)
     ) strict`,
    `create table trail (
       sequence integer primary key autoincrement, at_us integer not null, agency text not null, item text not null,
       cases text not null, by text not null, officer text not null, reason text not null, event text not null,
       detail text not null
     ) strict`,
    `create index trail_by_item on trail (agency, item, sequence)`,
    // The trail must stay as it was written, whatever a later program does.
    refusal('trail_stays', 'delete', 'trail', 'the trail is only added to'),
    refusal('trail_is', 'update', 'trail', 'the trail is only added to'),
    `create table clients (
       client text primary key, agency text not null, secret_sha256 text not null, scopes text not null,
       addresses text not null
     ) strict`,
    `create table tokens (
       token_sha256 text primary key, client text not null references clients (client) on delete cascade,
       agency text not null, scopes text not null, expires_s integer not null
     ) strict`,
    `create table links (
       link_sha256 text primary key, item text not null references items (item), agency text not null, by text not null,
       officer text not null, reason text not null, expires_s integer not null, used integer not null
     ) strict`,
    `create table bridges (bridge text primary key, key text not null unique) strict`,
    `create table offers (
       item text primary key, offer text not null, manifest text not null, receipt text not null, at_s integer not null
     ) strict`,
  ],
  [
    `create table agency_keys (
       agency text primary key, organisation text not null, successor text
     ) strict`,
    `alter table items rename column device to home`,
    // Both were signed about a device; they are signed anew, about the item, when they are requested.
    `update items set acknowledgement = ''`,
    // Made with full manifests, which are not accepted any more.
    `delete from offers`,
  ],
  [
    `create index trail_of_agency on trail (agency, sequence)`,
    `create index item_cases_by_case on item_cases (case_id, item)`,
    `create index item_categories_by_category on item_categories (category, item)`,
    `create index tokens_by_client on tokens (client)`,
    `create index tokens_by_agency on tokens (agency)`,
    `create index tokens_by_expiry on tokens (expires_s)`,
    `create index links_by_item on links (item)`,
    `create index links_by_maker on links (by)`,
    `create index links_by_expiry on links (expires_s)`,
    `create index offers_by_age on offers (at_s)`,
  ],
  [
    `alter table items add column object text not null default ''`,
    `create table health (one integer primary key check (one = 1), written_s integer not null) strict`,
    ...INSTANCE_TABLES,
  ],
  { beside: [`alter table items add column verdict text not null default ''`] },
];
