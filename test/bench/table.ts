// How the figures are printed.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { isMet, type Row } from './measure.ts';

const HEADINGS = ['What', 'Ours', 'Baseline', 'Figure', 'Target', ''];

/** The machine and how busy it was: figures mean nothing without. */
export function machine(): string {
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 2).join(' ');
  return `node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, load ${load}`;
}

/** The rows as a table that reads as text and as Markdown. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.what,
    row.ours,
    row.baseline,
    Number.isFinite(row.figure) ? `${digits(row.figure)} ${row.unit}` : 'none',
    row.target === null ? '' : 'most' in row.target ? `<= ${row.target.most}` : `>= ${row.target.least}`,
    row.target === null ? 'printed' : isMet(row) ? 'ok' : 'MISSED',
  ]);
  const widths = HEADINGS.map((heading, at) => Math.max(heading.length, ...cells.map((line) => line[at]?.length ?? 0)));
  const lineOf = (line: readonly string[]) => `| ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [lineOf(HEADINGS), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...cells.map(lineOf)].join(
    '\n',
  );
}

function digits(figure: number): string {
  return figure >= 10 ? figure.toFixed(0) : figure >= 0.1 ? figure.toFixed(2) : figure.toFixed(3);
}
