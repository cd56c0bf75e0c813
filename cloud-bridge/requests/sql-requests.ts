// The request store in SQL. A change of a request, the limits on it and its custody event share one transaction (`step`).
import { REQUEST_EVENTS } from '@doorsill/contract/custody';
import { parseJson } from '@doorsill/contract/parse-json';
import type { Kysely, Selectable, Transaction } from 'kysely';
import { z } from 'zod';
import type { SqlCustody } from '../custody/sql-custody-log.ts';
import type { Tables } from '../persistence/bridge-schema.ts';
import { nextPublication } from './publication-machine.ts';
import type {
  AddOutcome,
  NumberLimits,
  NumbersOutcome,
  RequestChange,
  RequestPartner,
  RequestPosition,
  RequestStore,
  StoredRequest,
} from './requests-store.ts';
import { SqlPublishedCells } from './sql-published-cells.ts';
import { TextFinding } from './text-check.ts';

/** A request with its partner's columns, which are null without a partner. */
interface Row extends Selectable<Tables['requests']> {
  partner_name: string | null;
  partner_status: Tables['partners']['status'] | null;
  partner_since_s: number | null;
}

export class SqlRequests implements RequestStore {
  private readonly tables: Kysely<Tables>;
  private readonly published: SqlPublishedCells;
  private readonly custody: SqlCustody;

  constructor(tables: Kysely<Tables>, custody: SqlCustody) {
    this.tables = tables;
    this.published = new SqlPublishedCells(tables, 'area_cells');
    this.custody = custody;
  }

  async add(request: StoredRequest, limits: NumberLimits): Promise<AddOutcome> {
    return this.tables.transaction().execute(async (step) => {
      const known = await step
        .selectFrom('requests')
        .select('token_sha256')
        .where('request', '=', request.request)
        .executeTakeFirst();
      if (known) return known.token_sha256 === request.tokenSha256 ? 'same' : 'other-content';
      const beyond = await beyondNumbers(step, request, limits);
      if (beyond) return beyond;
      await step.insertInto('requests').values(toRow(request)).execute();
      await step
        .insertInto('request_cells')
        .values(request.cells.map((cell) => ({ request: request.request, cell })))
        .execute();
      await recordEvent(this.custody, step, request);
      return 'added';
    });
  }

  async find(request: string): Promise<StoredRequest | null> {
    return findIn(this.tables, request);
  }

  async change(
    request: string,
    decide: (now: StoredRequest) => RequestChange | null,
    limits: NumberLimits,
  ): Promise<StoredRequest | NumbersOutcome | null> {
    return this.tables.transaction().execute(async (step) => {
      const now = await findIn(step, request);
      const change = now && decide(now);
      if (!now || !change) return now;
      const changed = { ...now, ...change, revision: now.revision + 1 };
      const beyond = await beyondNumbers(step, changed, limits);
      if (beyond) return beyond;
      await step.updateTable('requests').set(toRow(changed)).where('request', '=', request).execute();
      await recordEvent(this.custody, step, changed);
      return changed;
    });
  }

  async cancel(request: string, reason: string): Promise<void> {
    await this.tables.transaction().execute(async (step) => {
      const row = await cancellable(step).where('request', '=', request).executeTakeFirst();
      if (row) await cancelRow(this.custody, step, row, reason);
    });
  }

  async waiting(nowS: number, behind: RequestPosition | null, most: number): Promise<StoredRequest[]> {
    let query = withPartner(this.tables)
      .where('requests.state', '=', 'in_moderation')
      .where('requests.expires_s', '>', nowS)
      .orderBy('requests.submitted_s')
      .orderBy('requests.request')
      .limit(most);
    if (behind) {
      query = query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('requests.submitted_s', 'requests.request'), '>', tuple(behind.submittedS, behind.request)),
      );
    }
    return this.withCells(await query.execute());
  }

  async ofAgency(organisation: string, behind: RequestPosition | null, most: number): Promise<StoredRequest[]> {
    let query = withPartner(this.tables)
      .where('requests.organisation', '=', organisation)
      .orderBy('requests.submitted_s', 'desc')
      .orderBy('requests.request', 'desc')
      .limit(most);
    if (behind) {
      query = query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('requests.submitted_s', 'requests.request'), '<', tuple(behind.submittedS, behind.request)),
      );
    }
    return this.withCells(await query.execute());
  }

  async counts(nowS: number): Promise<Record<'in_moderation' | 'published', number>> {
    const count = async (state: 'in_moderation' | 'published') => {
      const row = await this.tables
        .selectFrom('requests')
        .select((all) => all.fn.countAll<number>().as('count'))
        .where('state', '=', state)
        .where('expires_s', '>', nowS)
        .executeTakeFirstOrThrow();
      return row.count;
    };
    return { in_moderation: await count('in_moderation'), published: await count('published') };
  }

  async cellsToPublish(nowS: number): Promise<string[]> {
    const open = await this.tables
      .selectFrom('requests')
      .select('request')
      .where('expires_s', '>', nowS)
      .where('published_s', '>', 0)
      .execute();
    const ofRequests = await cellsOf(this.tables, open);
    const ofDocuments = await this.published.all();
    return [...new Set([...ofDocuments, ...ofRequests].map(({ cell }) => cell))].sort();
  }

  async unexpiredIn(cells: readonly string[], nowS: number): Promise<StoredRequest[]> {
    const rows = await withPartner(this.tables)
      .where('requests.request', 'in', (those) =>
        those
          .selectFrom('request_cells')
          .select('request_cells.request')
          .where('cell', 'in', [...cells]),
      )
      .where('requests.expires_s', '>', nowS)
      .where('requests.published_s', '>', 0)
      .orderBy('requests.published_s')
      .orderBy('requests.request')
      .execute();
    return this.withCells(rows);
  }

  partsOf(cells: readonly string[]): Promise<Map<string, number>> {
    return this.published.partsOf(cells);
  }

  nextRevision(cell: string, parts: number): Promise<number> {
    return this.published.nextRevision(cell, parts);
  }

  private async withCells(rows: readonly Row[]): Promise<StoredRequest[]> {
    const cells = new Map<string, string[]>(rows.map(({ request }) => [request, []]));
    for (const { request, cell } of await cellsOf(this.tables, rows)) cells.get(request)?.push(cell);
    return rows.map((row) => toRequest(row, cells.get(row.request) ?? []));
  }
}

/** Values in one statement: databases limit their number. */
const ROWS_AT_ONCE = 500;

/**
 * Cancels a partner's requests after a change of its status and returns their number: the published ones, and those that wait for a
 * moderator only if the partner has ended. They stay cancelled when the partner is active again: owners were asked under its former status.
 */
export async function cancelOfPartner(
  step: Transaction<Tables>,
  { partner, status }: Pick<RequestPartner, 'partner' | 'status'>,
  nowS: number,
  custody: SqlCustody,
): Promise<number> {
  const reason = status === 'ended' ? 'partner-ended' : 'partner-suspended';
  const rows = await cancellable(step).where('partner', '=', partner).where('expires_s', '>', nowS).execute();
  let count = 0;
  for (const row of rows) {
    if (status !== 'ended' && row.state !== 'published') continue;
    if (await cancelRow(custody, step, row, reason)) count += 1;
  }
  return count;
}

const cancellable = (step: Transaction<Tables>) =>
  step.selectFrom('requests').select(['request', 'agency', 'state', 'revision', 'token_sha256', 'published_s']);

/** Cancels the request of a row; returns false if its state does not allow that, or it is cancelled already. */
async function cancelRow(
  custody: SqlCustody,
  step: Transaction<Tables>,
  row: Pick<Tables['requests'], 'request' | 'agency' | 'state' | 'revision' | 'token_sha256' | 'published_s'>,
  reason: string,
): Promise<boolean> {
  const { request, agency, token_sha256: tokenSha256, published_s: publishedS } = row;
  const { state, ok } = nextPublication(row.state, { type: 'cancel' });
  if (!ok || state === row.state) return false;
  const changed = { state, revision: row.revision + 1, reason };
  await step.updateTable('requests').set(changed).where('request', '=', request).execute();
  await recordEvent(custody, step, { request, agency, tokenSha256, state, publishedS });
  return true;
}

/** Which limit on the number of requests would be exceeded if `request` were stored in its new state; null if none. */
async function beyondNumbers(
  step: Transaction<Tables>,
  request: StoredRequest,
  limits: NumberLimits,
): Promise<NumbersOutcome | null> {
  const { state } = request;
  if (state === 'draft' || state === 'in_moderation') {
    const waiting = await step
      .selectFrom('requests')
      .select((all) => all.fn.countAll<number>().as('count'))
      .where('organisation', '=', request.organisation)
      .where('state', 'in', ['draft', 'in_moderation'])
      .where('expires_s', '>', limits.nowS)
      .where('request', '!=', request.request)
      .executeTakeFirstOrThrow();
    if (waiting.count >= limits.waitingPerAgencyMax) return 'too-many-waiting';
  }
  if (state !== 'in_moderation' && state !== 'published') return null;
  // Drafts, and requests that were refused or withdrawn before publication, are no posts.
  const posts = await step
    .selectFrom('requests')
    .select((all) => all.fn.countAll<number>().as('count'))
    .where('organisation', '=', request.organisation)
    .where('investigation', '=', request.investigation)
    .where('request', '!=', request.request)
    .where((where) => where.or([where('published_s', '>', 0), where('state', '=', 'in_moderation')]))
    .executeTakeFirstOrThrow();
  if (posts.count >= limits.postsMax) return 'too-many-posts';
  return state === 'published' && (await isCellFull(step, request, limits)) ? 'cell-full' : null;
}

/** Whether one of the request's map cells already has as many published requests as are allowed. */
async function isCellFull(step: Transaction<Tables>, request: StoredRequest, limits: NumberLimits): Promise<boolean> {
  const full = await step
    .selectFrom('request_cells')
    .innerJoin('requests', 'requests.request', 'request_cells.request')
    .select('request_cells.cell')
    .where('request_cells.cell', 'in', [...request.cells])
    .where('requests.request', '!=', request.request)
    .where('requests.expires_s', '>', limits.nowS)
    .where('requests.state', '=', 'published')
    .groupBy('request_cells.cell')
    .having((all) => all.fn.countAll<number>(), '>=', limits.openPerCellMax)
    .executeTakeFirst();
  return full !== undefined;
}

function withPartner(from: Kysely<Tables> | Transaction<Tables>) {
  return from
    .selectFrom('requests')
    .leftJoin('partners', 'partners.partner', 'requests.partner')
    .selectAll('requests')
    .select([
      'partners.name as partner_name',
      'partners.status as partner_status',
      'partners.since_s as partner_since_s',
    ]);
}

async function findIn(from: Kysely<Tables> | Transaction<Tables>, request: string): Promise<StoredRequest | null> {
  const row = await withPartner(from).where('requests.request', '=', request).executeTakeFirst();
  if (!row) return null;
  const cells = await cellsOf(from, [row]);
  return toRequest(
    row,
    cells.map(({ cell }) => cell),
  );
}

/** The cells of some requests, in order for each. Reads in batches: for too many values a database would scan the whole table. */
async function cellsOf(
  from: Kysely<Tables> | Transaction<Tables>,
  rows: readonly { request: string }[],
): Promise<{ request: string; cell: string }[]> {
  const found = [];
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
    const some = rows.slice(at, at + ROWS_AT_ONCE).map(({ request }) => request);
    const asked = from.selectFrom('request_cells').select(['request', 'cell']).where('request', 'in', some);
    found.push(...(await asked.orderBy('cell').execute()));
  }
  return found;
}

/** Records the public events of a request in the custody log: that it was published, and how it ended early. */
async function recordEvent(
  custody: SqlCustody,
  step: Transaction<Tables>,
  about: Pick<StoredRequest, 'request' | 'agency' | 'tokenSha256' | 'state' | 'publishedS'>,
): Promise<void> {
  const { request, agency, tokenSha256: requestSha256, state, publishedS } = about;
  const event = REQUEST_EVENTS.find((one) => one === state);
  if (event && publishedS > 0) await custody.append(step, { kind: 'request', event, request, agency, requestSha256 });
}

function toRow(request: StoredRequest): Tables['requests'] {
  return {
    request: request.request,
    agency: request.agency,
    agency_key: request.agencyKey,
    organisation: request.organisation,
    token: request.token,
    token_sha256: request.tokenSha256,
    publication: request.publication,
    investigation: request.investigation,
    state: request.state,
    revision: request.revision,
    findings: JSON.stringify(request.findings),
    reason: request.reason,
    moderator: request.moderator,
    partner: request.partner?.partner ?? null,
    submitted_s: request.submittedS,
    published_s: request.publishedS,
    expires_s: request.expiresS,
  };
}

const findingsSchema = z.array(TextFinding);

function toRequest(row: Row, cells: string[]): StoredRequest {
  const { partner, partner_name: name, partner_status: status, partner_since_s: sinceS } = row;
  const isKnown = partner !== null && name !== null && status !== null && sinceS !== null;
  return {
    request: row.request,
    agency: row.agency,
    agencyKey: row.agency_key,
    organisation: row.organisation,
    token: row.token,
    tokenSha256: row.token_sha256,
    publication: row.publication,
    investigation: row.investigation,
    cells,
    state: row.state,
    revision: row.revision,
    findings: findingsSchema.parse(parseJson(row.findings)),
    reason: row.reason,
    moderator: row.moderator,
    partner: isKnown ? { partner, name, status, sinceS } : null,
    submittedS: row.submitted_s,
    publishedS: row.published_s,
    expiresS: row.expires_s,
  };
}
