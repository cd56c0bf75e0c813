// Owns: finding statements that read a growing table whole, by the plans that SQLite makes for them; which tables grow. Not here: where
// the statements come from (stores.test.ts).
import Sqlite from 'better-sqlite3';

/** Tables with a row for each home, request, clip, call or event. All others have one for each agency or partner, or fewer. */
export const GROWING = [
  ...['devices', 'requests', 'request_cells', 'area_cells', 'searches', 'search_cells', 'search_documents'],
  ...['intakes', 'sealed_manifests', 'hand_overs', 'revoked_grants', 'access_log', 'kept_answers', 'webhook_events'],
  ...[
    'custody_leaves',
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

/** Statements that read every row of a growing table because their answer is a number of all its rows. */
const COUNTS_ALL = [
  // The public page says how many doorbells take part.
  /^select count\(\*\) as "count" from "devices"$/,
];

/** One row at the end of an index, or of the table itself: `order by ... limit` without a condition. */
const TAKES_LAST = /^select "(leaf|place)" from "\w+" order by "\1" desc limit \?$/;

/** Indexes of only the rows that a statement wants: cells that have a document now, manifests from before sealing. */
const OF_SOME_ROWS = /USING (COVERING )?INDEX (area_cells_published|search_documents_published|intakes_unsealed)$/;

/** As good as whole: a bridge has one vault, which gets every clip. */
const BY_VAULT_ALONE = /^SEARCH intakes USING INDEX \w+ \(vault=\?\)$/;

/** What a statement with a limit may sort before it: what has to be handed over, told or deleted now. */
const SORTS_SOME = [
  / from "(hand_overs|intakes)" .*"intakes"."vault" = \?/,
  /^select "webhook_events"\.\*.* where .*"next_s" <= \?/,
  /"due_s" <= \?/,
];

/**
 * The statements of `texts` that run on this database's tables and read a growing one whole, or sort all of what is only begun to be
 * read, each with SQLite's words for that.
 */
export function wholeReads(path: string, texts: Iterable<string>): string[] {
  const file = new Sqlite(path, { readonly: true });
  const tables = new Set(file.prepare(`select name from sqlite_schema where type = 'table'`).pluck().all().map(String));
  const isOurs = (text: string) =>
    [...text.matchAll(/\b(?:from|into|update|join) "(\w+)"/g)].every(([, name = '']) => tables.has(name));
  const found = [...texts]
    // Stores put names into quotes; what migrations say does not count.
    .filter((text) => /^(select|update|delete|insert)\b/.test(text) && !/\b(from|into|update) \w/.test(text))
    .filter(isOurs)
    .filter((text) => !TAKES_LAST.test(text) && !COUNTS_ALL.some((form) => form.test(text)))
    .flatMap((text) => scans(file, text).map((scan) => `${scan}: ${text}`));
  file.close();
  return found;
}

function scans(file: Sqlite.Database, text: string): string[] {
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
