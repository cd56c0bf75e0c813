// The trail in SQL: who did what with an agency's evidence. Lines are only ever added; triggers in the database refuse the rest.

import { parseJson } from '@doorsill/contract/parse-json';
import type { Kysely, Transaction } from 'kysely';
import type { Tables } from './vault-schema.ts';
import type { Page, TrailEntry, TrailLine, TrailStore } from './vault-store.ts';

/** Adds a line inside the transaction of the change that it records. */
export async function addLine(step: Kysely<Tables> | Transaction<Tables>, line: TrailLine): Promise<void> {
  const { atUs, cases, ...rest } = line;
  await step
    .insertInto('trail')
    .values({ sequence: undefined, at_us: atUs, cases: JSON.stringify(cases), ...rest })
    .execute();
}

export class SqlTrail implements TrailStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  async add(line: TrailLine): Promise<void> {
    await addLine(this.tables, line);
  }

  async list(agency: string, item: string | null, page: Page): Promise<TrailEntry[]> {
    let query = this.tables.selectFrom('trail').selectAll().where('agency', '=', agency);
    if (item !== null) query = query.where('item', '=', item);
    if (/^\d{1,15}$/.test(page.after ?? '')) query = query.where('sequence', '<', Number(page.after));
    const rows = await query.orderBy('sequence', 'desc').limit(page.limit).execute();
    return rows.map(({ at_us: atUs, cases, sequence, ...rest }) => {
      const parsed = parseJson(cases);
      return { sequence: sequence ?? 0, atUs, cases: Array.isArray(parsed) ? parsed.map(String) : [], ...rest };
    });
  }
}
