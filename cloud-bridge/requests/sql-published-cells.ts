import { assert } from '@doorsill/contract/assert';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../persistence/bridge-schema.ts';

/** Cells with a published document of one kind (agencies' requests, or searches for pets), and the documents' revisions. */
export class SqlPublishedCells {
  private readonly tables: Kysely<Tables>;
  private readonly table: 'area_cells' | 'search_documents';

  constructor(tables: Kysely<Tables>, table: 'area_cells' | 'search_documents') {
    this.tables = tables;
    this.table = table;
  }

  /** Cells with non-empty documents, in order, and the numbers of their parts. */
  async all(): Promise<{ cell: string; parts: number }[]> {
    const table = sql.table(this.table);
    const asked = sql<{ cell: string; parts: number }>`select cell, parts from ${table} where parts > 0 order by cell`;
    return (await asked.execute(this.tables)).rows;
  }

  /** Those of `cells` with non-empty documents, and the numbers of their parts. */
  async partsOf(cells: readonly string[]): Promise<Map<string, number>> {
    const table = sql.table(this.table);
    const asked = sql<{ cell: string; parts: number }>`select cell, parts from ${table}
      where cell in (${sql.join(cells)}) and parts > 0`;
    return new Map((await asked.execute(this.tables)).rows.map(({ cell, parts }) => [cell, parts]));
  }

  /** The next revision of a cell's document, which now has `parts` parts. Two callers never get the same one. */
  async nextRevision(cell: string, parts: number): Promise<number> {
    const [table, before] = [sql.table(this.table), sql.ref(`${this.table}.revision`)];
    const asked = sql<{ revision: number }>`insert into ${table} (cell, revision, parts) values (${cell}, 1, ${parts})
      on conflict (cell) do update set revision = ${before} + 1, parts = excluded.parts returning revision`;
    const [row] = (await asked.execute(this.tables)).rows;
    assert(row, 'an upsert returns its row');
    return row.revision;
  }
}
