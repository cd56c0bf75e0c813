import type { Kysely } from 'kysely';
import type { Tables } from '../persistence/bridge-schema.ts';
import type { ClonePosition, CloneSign, CloneSignStore } from './clone-signs.ts';

export class SqlCloneSigns implements CloneSignStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  async note(device: string, code: CloneSign['code'], nowS: number): Promise<number> {
    const row = await this.tables
      .insertInto('clone_signs')
      .values({ device, code, first_s: nowS, last_s: nowS, times: 1 })
      .onConflict((conflict) =>
        conflict
          .columns(['device', 'code'])
          .doUpdateSet((set) => ({ last_s: nowS, times: set('clone_signs.times', '+', 1) })),
      )
      .returning('times')
      .executeTakeFirstOrThrow();
    return row.times;
  }

  async list(behind: ClonePosition | null, most: number): Promise<CloneSign[]> {
    let query = this.tables
      .selectFrom('clone_signs')
      .selectAll()
      .orderBy('last_s', 'desc')
      .orderBy('device', 'desc')
      .orderBy('code', 'desc')
      .limit(most);
    if (behind) {
      query = query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('last_s', 'device', 'code'), '<', tuple(behind.lastS, behind.device, behind.code)),
      );
    }
    return (await query.execute()).map(({ first_s: firstS, last_s: lastS, ...row }) => ({ ...row, firstS, lastS }));
  }
}
