// Append-only; each row has a leaf in the custody log.

import { sha256Hex } from '@doorsill/base/keys';
import type { Kysely, Selectable } from 'kysely';
import type { SqlCustody } from '../custody/sql-custody-log.ts';
import { keysOf } from '../persistence/agency-ids-of-organisation.ts';
import type { Tables } from '../persistence/bridge-schema.ts';
import type { Access, AccessLog, AccessPage, LoggedAccess } from './access-log.ts';

export class SqlAccessLog implements AccessLog {
  private readonly tables: Kysely<Tables>;
  private readonly custody: SqlCustody;

  constructor(tables: Kysely<Tables>, custody: SqlCustody) {
    this.tables = tables;
    this.custody = custody;
  }

  async add(access: Access): Promise<void> {
    const { atUs, agency, clip, part, action, officer, reason, token } = access;
    await this.tables.transaction().execute(async (step) => {
      const read = await step
        .selectFrom('intakes')
        .select(['device', 'grant_id as grant'])
        .where('clip', '=', clip)
        .executeTakeFirst();
      const said = { reasonSha256: sha256Hex(reason), officerSha256: sha256Hex(officer) };
      const facts = { clip, agency, part, action, ...said, token };
      const leaf = await this.custody.append(step, { kind: 'access', about: read ?? null, facts });
      await step
        .insertInto('access_log')
        .values({ at_us: atUs, agency, clip, part, action, officer, reason, token, leaf })
        .execute();
    });
  }

  async page(of: AccessPage): Promise<LoggedAccess[]> {
    const keys = of.reader && (await keysOf(this.tables, of.reader));
    const rows = await this.tables
      .selectFrom('access_log')
      .selectAll()
      .select('rowid')
      .where('rowid', '>', of.after)
      .$if(keys !== null, (all) => all.where('agency', 'in', keys ?? []))
      .$if(of.clip !== null, (all) => all.where('clip', '=', of.clip ?? ''))
      .orderBy('rowid')
      .limit(of.most)
      .execute();
    return rows.map(toLogged);
  }
}

function toLogged({ at_us: atUs, rowid: number, ...rest }: Selectable<Tables['access_log']>): LoggedAccess {
  return { number, atUs, ...rest };
}
