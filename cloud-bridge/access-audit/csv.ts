// Owns: one row of CSV (RFC 4180) that is harmless in a spreadsheet. Not here: which rows (audit.ts).

/** What spreadsheets take for the beginning of a formula, also behind blanks and in its full-width forms. */
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;

/** A cell: an apostrophe before a formula, quoted where it holds a comma, a quote or a line end. */
export function csvCell(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** A row with its line end. */
export function csvRow(cells: readonly (string | number | null)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}
