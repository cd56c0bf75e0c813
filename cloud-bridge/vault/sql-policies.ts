// A change of a policy recalculates, in the same transaction, when each item is due.
import type { Kysely, Transaction } from 'kysely';
import { deletedAtS, type RetentionRules, UNCATEGORIZED } from './retention.ts';
import { addLine } from './sql-trail.ts';
import type { Tables } from './vault-schema.ts';
import type { Policy, PolicyChange, PolicyStore, RecallPolicy, TrailLine } from './vault-store.ts';

type Step = Kysely<Tables> | Transaction<Tables>;

/** For a department that has set nothing: obey the owner. */
const DEFAULT_RECALL: RecallPolicy = { answer: 'erase', reason: null };

/** An agency's retention rules, within a transaction or not. */
export async function rulesIn(from: Step, agency: string): Promise<RetentionRules> {
  const rows = await from.selectFrom('categories').selectAll().where('agency', '=', agency).execute();
  const policy = await rowOf(from, agency);
  return {
    categories: new Map([
      [UNCATEGORIZED, null],
      ...rows.map(({ category, period_s }): [string, number | null] => [category, period_s]),
    ]),
    ...(policy?.declined === 1 ? { declinedPeriodS: policy.declined_period_s } : {}),
  };
}

function rowOf(from: Step, agency: string) {
  return from.selectFrom('policies').selectAll().where('agency', '=', agency).executeTakeFirst();
}

export class SqlPolicies implements PolicyStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  async policyOf(agency: string): Promise<Policy> {
    const row = await rowOf(this.tables, agency);
    const recall = row ? { answer: row.recall, reason: row.recall_reason } : DEFAULT_RECALL;
    return { ...(await rulesIn(this.tables, agency)), recall };
  }

  async change(agency: string, change: PolicyChange, line: TrailLine): Promise<void> {
    await this.tables.transaction().execute(async (step) => {
      await apply(step, agency, change);
      await workOutAnew(step, agency);
      await addLine(step, line);
    });
  }
}

async function apply(step: Transaction<Tables>, agency: string, change: PolicyChange): Promise<void> {
  switch (change.set) {
    case 'category': {
      const { category, periodS } = change;
      await step
        .insertInto('categories')
        .values({ agency, category, period_s: periodS })
        .onConflict((conflict) => conflict.columns(['agency', 'category']).doUpdateSet({ period_s: periodS }))
        .execute();
      return;
    }
    case 'no-category': {
      const { category } = change;
      await step.deleteFrom('categories').where('agency', '=', agency).where('category', '=', category).execute();
      await step
        .deleteFrom('item_categories')
        .where('category', '=', category)
        .where('item', 'in', (from) => from.selectFrom('items').select('item').where('agency', '=', agency))
        .execute();
      return;
    }
    case 'recall':
      return set(step, agency, { recall: change.recall.answer, recall_reason: change.recall.reason });
    case 'declined':
      return set(step, agency, {
        declined: change.periodS === undefined ? 0 : 1,
        declined_period_s: change.periodS ?? null,
      });
  }
}

async function set(
  step: Transaction<Tables>,
  agency: string,
  change: Partial<Omit<Tables['policies'], 'agency'>>,
): Promise<void> {
  const { answer, reason } = DEFAULT_RECALL;
  const before = (await rowOf(step, agency)) ?? {
    agency,
    recall: answer,
    recall_reason: reason,
    declined: 0,
    declined_period_s: null,
  };
  const row = { ...before, ...change };
  await step
    .insertInto('policies')
    .values(row)
    .onConflict((conflict) => conflict.column('agency').doUpdateSet(row))
    .execute();
}

/** Recalculates when each of an agency's items is due, under its current rules. */
export async function workOutAnew(step: Transaction<Tables>, agency: string): Promise<void> {
  const rules = await rulesIn(step, agency);
  const items = await step
    .selectFrom('items')
    .select(['item', 'source', 'recorded_s', 'uploaded_s', 'triage', 'restored_s', 'due_s'])
    .where('agency', '=', agency)
    .where('state', '<>', 'erased')
    .execute();
  const categories = await grouped(step, agency, 'item_categories', 'category');
  const cases = await grouped(step, agency, 'item_cases', 'case_id');
  for (const row of items) {
    const dueS = deletedAtS(
      {
        source: row.source,
        recordedS: row.recorded_s,
        uploadedS: row.uploaded_s,
        triage: row.triage,
        restoredS: row.restored_s,
        categories: categories.get(row.item) ?? [],
        cases: cases.get(row.item) ?? [],
      },
      rules,
    );
    if (dueS !== row.due_s) {
      await step.updateTable('items').set({ due_s: dueS }).where('item', '=', row.item).execute();
    }
  }
}

async function grouped(
  step: Transaction<Tables>,
  agency: string,
  table: 'item_categories' | 'item_cases',
  column: 'category' | 'case_id',
): Promise<Map<string, string[]>> {
  const rows = await step
    .selectFrom(table)
    .innerJoin('items', 'items.item', `${table}.item`)
    .select([`${table}.item as item`, `${column} as value`])
    .where('items.agency', '=', agency)
    .execute();
  const byItem = new Map<string, string[]>();
  for (const { item, value } of rows) byItem.set(item, [...(byItem.get(item) ?? []), String(value)]);
  return byItem;
}
