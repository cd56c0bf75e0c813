import type { Kysely } from 'kysely';

export interface HealthTables {
  health: { one: number; written_s: number };
}

export class SqlHealth {
  private readonly tables: Kysely<HealthTables>;

  constructor(tables: Kysely<HealthTables>) {
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
