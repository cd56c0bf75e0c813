// Owns: checking whether the database accepts writes now, by making one. Not here: what follows from it (http/health.ts).
import type { Kysely } from 'kysely';
import type { Tables } from './bridge-schema.ts';

export class SqlHealth {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  /** Writes the time durably; rejects when that fails. */
  async write(nowS: number): Promise<void> {
    await this.tables
      .insertInto('health')
      .values({ one: 1, written_s: nowS })
      .onConflict((conflict) => conflict.column('one').doUpdateSet({ written_s: nowS }))
      .execute();
  }
}
