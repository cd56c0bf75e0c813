// An agency's ids, one for each of its keys. Evidence, policy and trail are stored under the first.

import { failure } from '@doorsill/contract/errors';
import type { Kysely, Transaction } from 'kysely';
import { workOutAnew } from './sql-policies.ts';
import { addLine } from './sql-trail.ts';
import type { Tables } from './vault-schema.ts';
import type { AgencyKey, SuccessionStore, TrailLine } from './vault-store.ts';

type Step = Kysely<Tables> | Transaction<Tables>;

/** An agency's id, within a transaction or not. An id that was never rotated is its own organisation. */
export async function agencyKeyIn(from: Step, agency: string): Promise<AgencyKey> {
  const row = await from.selectFrom('agency_keys').selectAll().where('agency', '=', agency).executeTakeFirst();
  return row ? { organisation: row.organisation, successor: row.successor } : { organisation: agency, successor: null };
}

export class SqlSuccessions implements SuccessionStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  agencyKey(agency: string): Promise<AgencyKey> {
    return agencyKeyIn(this.tables, agency);
  }

  async succeed(agency: string, successor: string, line: Omit<TrailLine, 'agency'>): Promise<string> {
    return this.tables.transaction().execute(async (step) => {
      const { organisation, successor: before } = await agencyKeyIn(step, agency);
      if (before !== null && before !== successor) throw failure('agency_key_rotated', { successor: before });
      const next = await agencyKeyIn(step, successor);
      const isAnothers = next.organisation !== successor && next.organisation !== organisation;
      if (successor === agency || successor === organisation || next.successor !== null || isAnothers) {
        throw failure('agency_ineligible', { detail: `${successor} is, or was, another key of an agency` });
      }
      await set(step, agency, { organisation, successor });
      await set(step, successor, { organisation, successor: null });
      await endAccess(step, agency);
      await adopt(step, successor, organisation);
      if (before === null) await addLine(step, { ...line, agency: organisation });
      return organisation;
    });
  }
}

async function set(step: Transaction<Tables>, agency: string, key: AgencyKey): Promise<void> {
  await step
    .insertInto('agency_keys')
    .values({ agency, ...key })
    .onConflict((conflict) => conflict.column('agency').doUpdateSet(key))
    .execute();
}

/** Removes the clients, tokens and links of an id: whoever has its former key may have these, too. */
async function endAccess(step: Transaction<Tables>, agency: string): Promise<void> {
  const clients = step.selectFrom('clients').select('client').where('agency', '=', agency);
  await step.deleteFrom('links').where('by', 'in', clients).execute();
  await step.deleteFrom('tokens').where('agency', '=', agency).execute();
  await step.deleteFrom('clients').where('agency', '=', agency).execute();
}

/** Moves evidence that arrived under the new id before the operator named its agency. */
async function adopt(step: Transaction<Tables>, successor: string, organisation: string): Promise<void> {
  await step.updateTable('items').set({ agency: organisation }).where('agency', '=', successor).execute();
  await step.deleteFrom('categories').where('agency', '=', successor).execute();
  await step.deleteFrom('policies').where('agency', '=', successor).execute();
  await workOutAnew(step, organisation);
}
