// The columns of an export of queries: the usual thirteen, those that newer files add, and alternative names.
import { failure } from '@doorsill/contract/errors';

/** The usual export, in its order. */
export const EXPORT_COLUMNS = [
  'ID',
  'Name',
  'Org Name',
  'Total Networks Searched',
  'Time Frame',
  'License Plate',
  'Reason',
  'Case #',
  'Filters',
  'Search Time',
  'Search Type',
  'Text Prompt',
  'Moderation',
] as const;

/** The columns that the audit reads, with all the names each may have. */
const NAMES = {
  agency: ['org name', 'organization', 'organization name', 'agency', 'agency name'],
  reason: ['reason', 'search reason', 'reason for search'],
  caseNumber: ['case', 'case number', 'case no'],
  offense: ['offense type', 'offense', 'offence type'],
  prompt: ['text prompt', 'freeform prompt', 'prompt'],
} as const;
export type ColumnName = keyof typeof NAMES;

/** Position of each column that is read; absent if the file does not have it. */
export interface Header {
  positions: Readonly<Partial<Record<ColumnName, number>>>;
  /** Number of cells in a complete row. */
  width: number;
}

/** An export may have unknown columns, in any order; a duplicate name would be ambiguous. */
const COLUMNS_MAX = 64;

/** Finds the columns in a file's first row. Throws `query_export_invalid` if it is not such an export. */
export function readHeader(cells: readonly string[]): Header {
  if (cells.length > COLUMNS_MAX) throw noExport(`its header has more than ${COLUMNS_MAX} columns`);
  const titles = cells.map((cell) =>
    cell
      .toLowerCase()
      .replaceAll(/[^a-z]+/g, ' ')
      .trim(),
  );
  const positions: Partial<Record<ColumnName, number>> = {};
  for (const [name, spellings] of Object.entries(NAMES)) {
    const found = titles.flatMap((title, at) => (spellings.some((spelling) => spelling === title) ? [at] : []));
    if (found.length > 1) throw noExport(`its header names "${cells[found[1] ?? 0]}" twice`);
    if (found[0] !== undefined) positions[name as ColumnName] = found[0];
  }
  for (const needed of ['agency', 'reason'] as const) {
    if (positions[needed] === undefined) throw noExport(`its first line has no column "${NAMES[needed][0]}"`);
  }
  return { positions, width: cells.length };
}

function noExport(detail: string) {
  return failure('query_export_invalid', { detail });
}
