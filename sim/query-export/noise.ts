// Owns: what officers' hands and exporting programs do to texts and rows: typos, case, line breaks, lost quotes.
// Not here: the texts (vocabulary-*.ts).
import { integerBelow, type Random } from '@doorsill/base/random';

/** A text as it was typed: now and then with a slip, in whatever case, over two lines. */
export function typed(random: Random, text: string): string {
  let out = text;
  const slip = random.fraction();
  if (slip < 0.03 && out.length > 5) out = slipped(random, out);
  const style = random.fraction();
  if (style < 0.12) out = out.toUpperCase();
  else if (style < 0.35) out = out.toLowerCase();
  const end = random.fraction();
  if (end < 0.03) out = `${out} `;
  else if (end < 0.045) out = out.replace(' ', '\n');
  return out;
}

/** One letter lost, doubled or swapped with its neighbour. */
function slipped(random: Random, text: string): string {
  const at = integerBelow(random, text.length - 1);
  const [before, one, two, after] = [text.slice(0, at), text.charAt(at), text.charAt(at + 1), text.slice(at + 2)];
  const kind = integerBelow(random, 3);
  if (kind === 0) return `${before}${two}${after}`;
  return kind === 1 ? `${before}${one}${one}${two}${after}` : `${before}${two}${one}${after}`;
}

/** One row as RFC 4180 has it: quoted where it must be. */
export function csvRow(cells: readonly string[]): string {
  return cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',');
}

/** A row that an exporting program broke: its end is lost, or a quote in it is. */
export function brokenRow(random: Random, cells: readonly string[]): string {
  if (random.fraction() < 0.5) return csvRow(cells.slice(0, 7));
  // A quote that opens and is never closed, in the officer's name.
  return csvRow(cells.map((cell, at) => (at === 4 ? cell.replace('\n', ' ') : cell))).replace(',', ',"');
}
