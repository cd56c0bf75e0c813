// Owns: requests and area document revisions in SQL. Not here: the rules of publication (requests/).
import type { Kysely, Selectable, Transaction } from 'kysely';
import type { AddOutcome, RequestStore, StoredRequest } from '../requests/store.ts';
import type { SqlCustody } from './custody.ts';
import type { Tables } from './schema.ts';

export class SqlRequests implements RequestStore {
  private readonly tables: Kysely<Tables>;
  private readonly custody: SqlCustody;

  constructor(tables: Kysely<Tables>, custody: SqlCustody) {
    this.tables = tables;
    this.custody = custody;
  }

  async add(
    request: StoredRequest,
    limits: { postsMax: number; openPerCellMax: number; nowS: number },
  ): Promise<AddOutcome> {
    return this.tables.transaction().execute(async (step) => {
      const known = await step
        .selectFrom('requests')
        .select('token_sha256')
        .where('request', '=', request.request)
        .executeTakeFirst();
      if (known) return known.token_sha256 === request.tokenSha256 ? 'same' : 'other-content';
      const posts = await step
        .selectFrom('requests')
        .select((count) => count.fn.countAll<number>().as('count'))
        .where('agency', '=', request.agency)
        .where('investigation', '=', request.investigation)
        .executeTakeFirstOrThrow();
      if (posts.count >= limits.postsMax) return 'too-many-posts';
      if (await isCellFull(step, request.cells, limits)) return 'cell-full';
      const { cells, ...row } = request;
      await step.insertInto('requests').values(toRow(row)).execute();
      await step
        .insertInto('request_cells')
        .values(cells.map((cell) => ({ request: request.request, cell })))
        .execute();
      await this.tell(step, 'published', request);
      return 'added';
    });
  }

  async find(request: string): Promise<StoredRequest | null> {
    const row = await this.tables.selectFrom('requests').selectAll().where('request', '=', request).executeTakeFirst();
    return row ? toRequest(row, await this.cellsOf(request)) : null;
  }

  async resolve(request: string): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      const resolved = await step
        .updateTable('requests')
        .set({ state: 'resolved' })
        .where('request', '=', request)
        .where('state', '=', 'published')
        .returning(['request', 'agency', 'token_sha256 as tokenSha256'])
        .executeTakeFirst();
      if (resolved) await this.tell(step, 'resolved', resolved);
      return resolved !== undefined;
    });
  }

  async unexpired(nowS: number): Promise<StoredRequest[]> {
    const rows = await this.tables
      .selectFrom('requests')
      .selectAll()
      .where('expires_s', '>', nowS)
      .orderBy('published_s')
      .orderBy('request')
      .execute();
    return Promise.all(rows.map(async (row) => toRequest(row, await this.cellsOf(row.request))));
  }

  async publishedCells(): Promise<{ cell: string; parts: number }[]> {
    return this.tables
      .selectFrom('area_cells')
      .select(['cell', 'parts'])
      .where('parts', '>', 0)
      .orderBy('cell')
      .execute();
  }

  async nextRevision(cell: string, parts: number): Promise<number> {
    const row = await this.tables
      .insertInto('area_cells')
      .values({ cell, revision: 1, parts })
      .onConflict((conflict) =>
        conflict.column('cell').doUpdateSet((set) => ({ revision: set('area_cells.revision', '+', 1), parts })),
      )
      .returning('revision')
      .executeTakeFirstOrThrow();
    return row.revision;
  }

  private async tell(
    step: Transaction<Tables>,
    event: 'published' | 'resolved',
    about: Pick<StoredRequest, 'request' | 'agency' | 'tokenSha256'>,
  ): Promise<void> {
    const { request, agency, tokenSha256: requestSha256 } = about;
    await this.custody.append(step, { kind: 'request', event, request, agency, requestSha256 });
  }

  private async cellsOf(request: string): Promise<string[]> {
    const rows = await this.tables
      .selectFrom('request_cells')
      .select('cell')
      .where('request', '=', request)
      .orderBy('cell')
      .execute();
    return rows.map((row) => row.cell);
  }
}

async function isCellFull(
  step: Transaction<Tables>,
  cells: readonly string[],
  limits: { openPerCellMax: number; nowS: number },
): Promise<boolean> {
  const full = await step
    .selectFrom('request_cells')
    .innerJoin('requests', 'requests.request', 'request_cells.request')
    .select('request_cells.cell')
    .where('request_cells.cell', 'in', [...cells])
    .where('requests.expires_s', '>', limits.nowS)
    .where('requests.state', '=', 'published')
    .groupBy('request_cells.cell')
    .having((count) => count.fn.countAll<number>(), '>=', limits.openPerCellMax)
    .executeTakeFirst();
  return full !== undefined;
}

function toRow(request: Omit<StoredRequest, 'cells'>): Tables['requests'] {
  return {
    request: request.request,
    agency: request.agency,
    agency_key: request.agencyKey,
    token: request.token,
    token_sha256: request.tokenSha256,
    publication: request.publication,
    investigation: request.investigation,
    state: request.state,
    published_s: request.publishedS,
    expires_s: request.expiresS,
  };
}

function toRequest(row: Selectable<Tables['requests']>, cells: string[]): StoredRequest {
  return {
    request: row.request,
    agency: row.agency,
    agencyKey: row.agency_key,
    token: row.token,
    tokenSha256: row.token_sha256,
    publication: row.publication,
    investigation: row.investigation,
    cells,
    state: row.state,
    publishedS: row.published_s,
    expiresS: row.expires_s,
  };
}
