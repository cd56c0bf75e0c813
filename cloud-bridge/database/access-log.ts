// Owns: the access log in SQL: rows are only ever added. Not here: what must be logged (clips/).
import type { Kysely } from 'kysely';
import type { Access, AccessLog } from '../clips/access-log.ts';
import type { Tables } from './schema.ts';

export class SqlAccessLog implements AccessLog {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  async add(access: Access): Promise<void> {
    const { atUs, agency, clip, part, reason, token } = access;
    await this.tables.insertInto('access_log').values({ at_us: atUs, agency, clip, part, reason, token }).execute();
  }

  async ofClip(clip: string, most: number): Promise<Access[]> {
    const rows = await this.tables
      .selectFrom('access_log')
      .selectAll()
      .where('clip', '=', clip)
      .orderBy('at_us', 'desc')
      .limit(most)
      .execute();
    return rows.map(({ at_us: atUs, ...rest }) => ({ atUs, ...rest }));
  }
}
