import type { Kysely, Selectable, Transaction } from 'kysely';
import type { Tables } from '../persistence/bridge-schema.ts';
import { SqlPublishedCells } from '../requests/sql-published-cells.ts';
import type { AddSearchOutcome, SearchLimits, SearchStore, StoredSearch } from './search-party-store.ts';

const DAY_S = 24 * 3600;

/**
 * Owners' searches for their lost pets, in SQL tables: each with its photo, and the map cells in whose documents the bridge publishes it.
 */
export class SqlSearches implements SearchStore {
  private readonly tables: Kysely<Tables>;
  private readonly published: SqlPublishedCells;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
    this.published = new SqlPublishedCells(tables, 'search_documents');
  }

  async add(search: StoredSearch, limits: SearchLimits): Promise<AddSearchOutcome> {
    return this.tables.transaction().execute(async (step) => {
      const known = await findIn(step, search.search);
      if (known) return known.tokenSha256 === search.tokenSha256 ? 'same' : 'other-content';
      const beyond = await beyondLimits(step, search, limits);
      if (beyond) return beyond;
      const { cells } = search;
      await step.insertInto('searches').values(toRow(search)).execute();
      await step
        .insertInto('search_cells')
        .values(cells.map((cell, place) => ({ search: search.search, cell, place })))
        .execute();
      return 'added';
    });
  }

  async find(search: string): Promise<StoredSearch | null> {
    return findIn(this.tables, search);
  }

  async end(search: string): Promise<boolean> {
    const ended = await this.tables
      .updateTable('searches')
      .set({ state: 'ended', photo: '' })
      .where('search', '=', search)
      .where('state', '=', 'open')
      .executeTakeFirst();
    return ended.numUpdatedRows > 0n;
  }

  async unexpired(nowS: number): Promise<StoredSearch[]> {
    const rows = await this.tables
      .selectFrom('searches')
      .selectAll()
      .where('expires_s', '>', nowS)
      .orderBy('posted_s')
      .orderBy('search')
      .execute();
    return Promise.all(rows.map(async (row) => toSearch(row, await cellsOf(this.tables, row.search))));
  }

  async tidy(nowS: number, goneS: number): Promise<void> {
    await this.tables
      .updateTable('searches')
      .set({ photo: '' })
      .where('expires_s', '<=', nowS)
      .where('photo', '!=', '')
      .execute();
    await this.tables.deleteFrom('searches').where('expires_s', '<=', goneS).execute();
  }

  publishedCells(): Promise<{ cell: string; parts: number }[]> {
    return this.published.all();
  }

  nextRevision(cell: string, parts: number): Promise<number> {
    return this.published.nextRevision(cell, parts);
  }
}

/** The limit that one more search would exceed. */
async function beyondLimits(
  step: Transaction<Tables>,
  { device, cells }: StoredSearch,
  { openPerHomeMax, postsPerDayMax, openPerCellMax, nowS }: SearchLimits,
): Promise<AddSearchOutcome | null> {
  const ofHome = step
    .selectFrom('searches')
    .select((all) => all.fn.countAll<number>().as('count'))
    .where('device', '=', device);
  const open = await ofHome.where('state', '=', 'open').where('expires_s', '>', nowS).executeTakeFirstOrThrow();
  if (open.count >= openPerHomeMax) return 'too-many-open';
  const posted = await ofHome.where('posted_s', '>', nowS - DAY_S).executeTakeFirstOrThrow();
  if (posted.count >= postsPerDayMax) return 'too-many-posts';
  const full = await step
    .selectFrom('search_cells')
    .innerJoin('searches', 'searches.search', 'search_cells.search')
    .select('search_cells.cell')
    .where('search_cells.cell', 'in', cells)
    .where('searches.state', '=', 'open')
    .where('searches.expires_s', '>', nowS)
    .groupBy('search_cells.cell')
    .having((all) => all.fn.countAll<number>(), '>=', openPerCellMax)
    .executeTakeFirst();
  return full ? 'cell-full' : null;
}

async function findIn(from: Kysely<Tables> | Transaction<Tables>, search: string): Promise<StoredSearch | null> {
  const row = await from.selectFrom('searches').selectAll().where('search', '=', search).executeTakeFirst();
  return row ? toSearch(row, await cellsOf(from, search)) : null;
}

async function cellsOf(from: Kysely<Tables> | Transaction<Tables>, search: string): Promise<string[]> {
  const rows = await from
    .selectFrom('search_cells')
    .select('cell')
    .where('search', '=', search)
    .orderBy('place')
    .execute();
  return rows.map(({ cell }) => cell);
}

function toRow(search: StoredSearch): Tables['searches'] {
  return {
    search: search.search,
    device: search.device,
    poster_key: search.posterKey,
    token: search.token,
    token_sha256: search.tokenSha256,
    publication: search.publication,
    photo: search.photo,
    state: search.state,
    posted_s: search.postedS,
    expires_s: search.expiresS,
  };
}

function toSearch(row: Selectable<Tables['searches']>, cells: string[]): StoredSearch {
  return {
    search: row.search,
    device: row.device,
    posterKey: row.poster_key,
    token: row.token,
    tokenSha256: row.token_sha256,
    publication: row.publication,
    photo: row.photo,
    cells,
    state: row.state,
    postedS: row.posted_s,
    expiresS: row.expires_s,
  };
}
