// Every change of an item is written with its trail line and its new due time, in one transaction.

import { failure } from '@doorsill/contract/errors';
import type { Kysely, Selectable, Transaction } from 'kysely';
import { deletedAtS } from './retention.ts';
import { agencyKeyIn } from './sql-key-successions.ts';
import { rulesIn } from './sql-policies.ts';
import { addLine } from './sql-trail.ts';
import type { ItemRow, Tables } from './vault-schema.ts';
import type { BytesStanding, Item, ItemChange, ItemFilter, ItemStore, Page, TrailLine } from './vault-store.ts';

type Step = Kysely<Tables> | Transaction<Tables>;

export class SqlItems implements ItemStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  find(item: string): Promise<Item | null> {
    return findIn(this.tables, item);
  }

  async add(item: Omit<Item, 'dueS'>, line: TrailLine, offered?: 'offered'): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      if (await findIn(step, item.item)) return false;
      const ended = await step.deleteFrom('offers').where('item', '=', item.item).executeTakeFirst();
      if (offered && ended.numDeletedRows === 0n) return false;
      // It belongs to the agency, whichever of its keys it was granted to.
      const { organisation: agency } = await agencyKeyIn(step, item.agency);
      const dueS = deletedAtS(item, await rulesIn(step, agency));
      await step
        .insertInto('items')
        .values(toRow({ ...item, agency, dueS }))
        .execute();
      await writeSets(step, item);
      await addLine(step, { ...line, agency });
      return true;
    });
  }

  async change(item: string, alter: (now: Item) => ItemChange, line: (now: Item) => TrailLine): Promise<Item | null> {
    return this.tables.transaction().execute(async (step) => {
      const now = await findIn(step, item);
      if (!now) return null;
      const change = alter(now);
      if (Object.keys(change).length === 0) return now;
      const next: Item = { ...now, ...change };
      next.dueS = deletedAtS(next, await rulesIn(step, next.agency));
      await step.updateTable('items').set(toRow(next)).where('item', '=', item).execute();
      await writeSets(step, next);
      if (isSeenByOthers(now, next)) await step.deleteFrom('links').where('item', '=', item).execute();
      await addLine(step, { ...line(next), agency: next.agency });
      return next;
    });
  }

  async list(agency: string, filter: ItemFilter, page: Page): Promise<Item[]> {
    let query = this.tables
      .selectFrom('items')
      .selectAll()
      .where('agency', '=', agency)
      .where('state', 'in', [...filter.states])
      .where('access_class', 'in', [...filter.classes]);
    if (filter.triage) query = query.where('triage', '=', filter.triage);
    const { category, case: caseId } = filter;
    if (category !== undefined) {
      query = query.where('item', 'in', (from) =>
        from.selectFrom('item_categories').select('item').where('category', '=', category),
      );
    }
    if (caseId !== undefined) {
      query = query.where('item', 'in', (from) =>
        from.selectFrom('item_cases').select('item').where('case_id', '=', caseId),
      );
    }
    const [, atS, last] = /^(\d{1,12})\.(.+)$/.exec(page.after ?? '') ?? [];
    if (atS !== undefined && last !== undefined) {
      query = query.where((where) =>
        where.or([
          where('uploaded_s', '<', Number(atS)),
          where.and([where('uploaded_s', '=', Number(atS)), where('item', '>', last)]),
        ]),
      );
    }
    const rows = await query.orderBy('uploaded_s', 'desc').orderBy('item').limit(page.limit).execute();
    return Promise.all(rows.map((row) => toItem(this.tables, row)));
  }

  async overdue(nowS: number, deletedUntilS: number, most: number): Promise<Item[]> {
    const rows = await this.tables
      .selectFrom('items')
      .selectAll()
      .where((where) =>
        where.or([
          where.and([where('state', '=', 'active'), where('due_s', '<=', nowS)]),
          where.and([where('state', '=', 'deleted'), where('deleted_s', '<=', deletedUntilS)]),
        ]),
      )
      .orderBy('item')
      .limit(most)
      .execute();
    return Promise.all(rows.map((row) => toItem(this.tables, row)));
  }

  async bytesOf(item: string): Promise<BytesStanding> {
    const offer = await this.tables.selectFrom('offers').select('item').where('item', '=', item).executeTakeFirst();
    // Read after the offer: adding the item ends the offer in one step.
    const row = await this.tables
      .selectFrom('items')
      .select(['state', 'object'])
      .where('item', '=', item)
      .executeTakeFirst();
    if (!row) return { state: offer ? 'arriving' : 'unknown', object: '' };
    return { state: row.state === 'erased' ? 'erased' : 'kept', object: row.object };
  }
}

/** Whether a change affects who may see the item: links made before must end then. */
function isSeenByOthers(before: Item, after: Item): boolean {
  return before.state !== after.state || before.accessClass !== after.accessClass || before.recall !== after.recall;
}

async function findIn(from: Step, item: string): Promise<Item | null> {
  const row = await from.selectFrom('items').selectAll().where('item', '=', item).executeTakeFirst();
  return row ? toItem(from, row) : null;
}

async function writeSets(step: Transaction<Tables>, { item, categories, cases }: Omit<Item, 'dueS'>): Promise<void> {
  await step.deleteFrom('item_categories').where('item', '=', item).execute();
  await step.deleteFrom('item_cases').where('item', '=', item).execute();
  for (const category of new Set(categories)) {
    await step.insertInto('item_categories').values({ item, category }).execute();
  }
  for (const caseId of new Set(cases)) await step.insertInto('item_cases').values({ item, case_id: caseId }).execute();
}

function toRow(item: Item): ItemRow {
  return {
    item: item.item,
    agency: item.agency,
    bridge: item.bridge,
    home: item.home,
    grant_id: item.grant,
    clip: item.clip,
    request: item.request,
    investigation: item.investigation,
    source: item.source,
    owner_key: item.ownerKey,
    device_key: item.key,
    grant_sha256: item.grantSha256,
    manifest: item.statement,
    manifest_sha256: item.statementSha256,
    object: item.object,
    clip_sha256: item.clipSha256,
    clip_bytes: item.clipBytes,
    recorded_s: item.recordedS,
    uploaded_s: item.uploadedS,
    state: item.state,
    access_class: item.accessClass,
    triage: item.triage,
    deleted_s: item.deletedS,
    deleted_by: item.deletedBy,
    restored_s: item.restoredS,
    due_s: item.dueS,
    acknowledgement: item.acknowledgement,
    recall: item.recall,
    deletion: item.deletion,
    verdict: item.verdict,
  };
}

async function toItem(from: Step, row: Selectable<ItemRow>): Promise<Item> {
  const { item } = row;
  const categories = await from
    .selectFrom('item_categories')
    .select('category')
    .where('item', '=', item)
    .orderBy('category')
    .execute();
  const cases = await from
    .selectFrom('item_cases')
    .select('case_id')
    .where('item', '=', item)
    .orderBy('case_id')
    .execute();
  return {
    item,
    agency: row.agency,
    bridge: row.bridge,
    home: row.home,
    grant: row.grant_id,
    clip: row.clip,
    request: row.request,
    investigation: row.investigation,
    source: row.source,
    ownerKey: row.owner_key,
    key: row.device_key,
    grantSha256: row.grant_sha256,
    statement: row.manifest,
    statementSha256: row.manifest_sha256,
    object: row.object,
    clipSha256: row.clip_sha256,
    clipBytes: row.clip_bytes,
    recordedS: row.recorded_s,
    uploadedS: row.uploaded_s,
    state: row.state,
    accessClass: row.access_class,
    triage: row.triage,
    categories: categories.map(({ category }) => category),
    cases: cases.map(({ case_id }) => case_id),
    deletedS: row.deleted_s,
    deletedBy: row.deleted_by,
    restoredS: row.restored_s,
    dueS: row.due_s,
    acknowledgement: row.acknowledgement,
    recall: row.recall,
    deletion: row.deletion,
    verdict: row.verdict,
  };
}

/**
 * Throws `database_unfit` while there is evidence whose bytes have no name of their own: they may be in the folder of a single vault,
 * where other instances would not find them.
 */
export async function assertBytesHaveNames(step: Transaction<Tables>, where: string): Promise<void> {
  const kept = step.selectFrom('items').select('item').where('object', '=', '').where('state', '<>', 'erased');
  if (!(await kept.limit(1).executeTakeFirst())) return;
  const detail = 'evidence of a single vault is in its folder, or came before it had names of its own; it is not moved';
  throw failure('database_unfit', { file: where, detail });
}
