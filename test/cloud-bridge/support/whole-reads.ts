// Finds statements that read a growing table whole, by SQLite's query plans; lists the growing tables.
import { Sqlite } from '../../support/sqlite.ts';

/** Tables with a row for each home, request, clip, call or event. All others have at most one for each agency or partner. */
export const GROWING = [
  ...['devices', 'requests', 'request_cells', 'area_cells', 'searches', 'search_cells', 'search_documents'],
  ...['intakes', 'sealed_manifests', 'hand_overs', 'revoked_grants', 'access_log', 'kept_answers', 'webhook_events'],
  ...[
    'custody_leaves',
    'verdicts',
    'custody_nodes',
    'items',
    'item_categories',
    'item_cases',
    'trail',
    'tokens',
    'links',
    'offers',
  ],
] as const;

/** Statements that must read every row of a growing table because they count them. */
const COUNTS_ALL = [
  // The public page shows the number of doorbells.
  /^select count\(\*\) as "count" from "devices"$/,
];

/** One row at the end of an index, or of the table itself: `order by ... limit` without a condition. */
const TAKES_LAST = /^select "(leaf|place)" from "\w+" order by "\1" desc limit \?$/;

/** Indexes of exactly the rows that a statement reads: cells that have a document now, manifests from before sealing. */
const OF_SOME_ROWS = /USING (COVERING )?INDEX (area_cells_published|search_documents_published|intakes_unsealed)$/;

/** Practically a read of the whole table: a bridge has one vault, which gets every clip. */
const BY_VAULT_ALONE = /^SEARCH intakes USING INDEX \w+ \(vault=\?\)$/;

/** Rows that a statement with a limit may sort: those that must be handed over, sent or deleted now. */
const SORTS_SOME = [
  / from "(hand_overs|intakes)" .*"intakes"."vault" = \?/,
  /^select "webhook_events"\.\*.* where .*"next_s" <= \?/,
  /"due_s" <= \?/,
];

/**
 * The statements of `texts` on this database's tables that read a growing one whole, or sort all rows although they read only the
 * first, each with SQLite's plan for it.
 */
export function wholeReads(path: string, texts: Iterable<string>): string[] {
  const file = new Sqlite(path, { readonly: true });
  const tables = new Set(file.prepare(`select name from sqlite_schema where type = 'table'`).pluck().all().map(String));
  const isOurs = (text: string) =>
    [...text.matchAll(/\b(?:from|into|update|join) "(\w+)"/g)].every(([, name = '']) => tables.has(name));
  const found = [...texts]
    // Stores quote names; statements of migrations do not count.
    .filter((text) => /^(select|update|delete|insert)\b/.test(text) && !/\b(from|into|update) \w/.test(text))
    .filter(isOurs)
    .filter((text) => !TAKES_LAST.test(text) && !COUNTS_ALL.some((form) => form.test(text)))
    .flatMap((text) => scans(file, text).map((scan) => `${scan}: ${text}`));
  file.close();
  return found;
}

function scans(file: InstanceType<typeof Sqlite>, text: string): string[] {
  const values = [...text.matchAll(/\?/g)].map(() => null);
  const plan = file.prepare<unknown[], { detail: string }>(`explain query plan ${text}`).all(...values);
  const sorts = / limit \?$/.test(text) && !SORTS_SOME.some((form) => form.test(text));
  return plan
    .map(({ detail }) => detail)
    .filter(
      (detail) =>
        (GROWING.some((table) => detail.startsWith(`SCAN ${table}`)) && !OF_SOME_ROWS.test(detail)) ||
        BY_VAULT_ALONE.test(detail) ||
        (sorts && detail === 'USE TEMP B-TREE FOR ORDER BY'),
    );
}
