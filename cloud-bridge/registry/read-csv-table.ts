// Reads a small CSV file (RFC 4180) by the names of its columns.
import { CsvRows } from '../persistence/csv-rows.ts';

/** A row, and the line of the file on which it begins. */
export interface TableRow<Column extends string> {
  line: number;
  /** The text in a column, without blanks around it. */
  cell: (column: Column) => string;
}

/**
 * The rows of a CSV text whose first line names its columns, in any order and any case; other columns are ignored. Throws a plain `Error`
 * that names the invalid line.
 */
export function readTable<Column extends string>(
  text: string,
  columns: readonly Column[],
  rowsMax: number,
): TableRow<Column>[] {
  const reader = new CsvRows();
  const rows = [...reader.push(text.replace(/^\ufeff/, '')), ...reader.end()];
  const [head, ...body] = rows;
  const names = head?.cells.map((cell) => cell.trim().toLowerCase()) ?? [];
  const at = columns.map((column) => names.indexOf(column.toLowerCase()));
  const missing = columns.filter((_, index) => (at[index] ?? -1) < 0);
  if (missing.length > 0) throw new Error(`its first line does not name the column “${missing.join('”, “')}”`);
  if (body.length > rowsMax) throw new Error(`it has more than ${rowsMax} rows`);
  return body.map(({ line, cells, fault }) => {
    if (fault !== null) throw new Error(`line ${line} is not CSV (${fault})`);
    if (cells.length !== names.length) {
      throw new Error(`line ${line} has ${cells.length} cells, the first line ${names.length}`);
    }
    return { line, cell: (column) => cells[at[columns.indexOf(column)] ?? -1]?.trim() ?? '' };
  });
}
