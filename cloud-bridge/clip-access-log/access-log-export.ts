// The access log as pages, as CSV and as a printable page; at most one page of rows is in memory.

import { createHash } from 'node:crypto';
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { escapeHtml } from '@doorsill/base/escape-html';
import { z } from 'zod';
import type { AccessLog, AccessPage, LoggedAccess } from '../clips/access-log.ts';
import { pageOf, positionIn } from '../http/paging.ts';

/** Filter of the log; null matches all agencies, or all clips. */
export type AuditOf = Pick<AccessPage, 'reader' | 'clip'>;

export const AUDIT_ROWS_MAX = 500;

const numberSchema = z.int().nonnegative();

const COLUMNS = [
  'number',
  'time',
  'agency',
  'action',
  'part',
  'clip',
  'officer',
  'reason',
  'token',
  'custody leaf',
] as const;

function cellsOf(access: LoggedAccess): (string | number | null)[] {
  const { number, atUs, agency, action, part, clip, officer, reason, token, leaf } = access;
  return [number, timeOf(atUs), agency, action, part, clip, officer, reason, token, leaf];
}

const timeOf = (atUs: number) => new Date(Math.floor(atUs / 1000)).toISOString();

export class ClipAccessLog {
  private readonly log: AccessLog;
  private readonly clock: Clock;

  constructor(log: AccessLog, clock: Clock) {
    this.log = log;
    this.clock = clock;
  }

  /** One page, oldest first. Throws `http_body_invalid` for a cursor that does not belong to this list. */
  async page(
    of: AuditOf,
    { limit, cursor }: { limit: number; cursor?: string | undefined },
  ): Promise<{ accesses: LoggedAccess[]; next: string | null }> {
    const after = positionIn(numberSchema, cursor) ?? 0;
    const found = await this.log.page({ ...of, after, most: limit + 1 });
    const { shown: accesses, next } = pageOf(found, limit, ({ number }) => number);
    return { accesses, next };
  }

  /** The whole log as CSV (RFC 4180), in parts. */
  async *csv(of: AuditOf): AsyncGenerator<string> {
    yield csvRow(COLUMNS);
    for await (const accesses of this.pages(of)) yield accesses.map((access) => csvRow(cellsOf(access))).join('');
  }

  /** The whole log as an HTML page, in parts. */
  async *html(of: AuditOf): AsyncGenerator<string> {
    const whose = of.reader?.agency ?? 'all agencies';
    const when = timeOf(wallSeconds(this.clock) * 1_000_000);
    const which = of.clip === null ? 'all clips' : `clip ${of.clip}`;
    yield pageHead('Access audit', `${whose}, ${which}, read at ${when}`, COLUMNS);
    let rows = 0;
    for await (const accesses of this.pages(of)) {
      rows += accesses.length;
      yield accesses.map((access) => pageRow(cellsOf(access))).join('');
    }
    yield pageEnd(rows);
  }

  private async *pages(of: AuditOf): AsyncGenerator<LoggedAccess[]> {
    for (let after: number | undefined = 0; after !== undefined; ) {
      const accesses = await this.log.page({ ...of, after, most: AUDIT_ROWS_MAX });
      if (accesses.length > 0) yield accesses;
      after = accesses.at(-1)?.number;
    }
  }
}

/** Start of a formula for spreadsheets, also after blanks and as full-width characters. */
const STARTS_FORMULA = '[\\s"]*[=+\\-@\\uff1d\\uff0b\\uff0d\\uff20]';
const FORMULA = new RegExp(`^${STARTS_FORMULA}|^[\\t\\r\\n]`);
/** Some spreadsheets also split cells at `;` or a tab, and ignore a quote inside a cell: a formula may start after each of these. */
const FORMULA_WITHIN = new RegExp(`(\\r\\n|[;\\t\\r\\n])(?=${STARTS_FORMULA})`, 'g');

/** A cell: an apostrophe before each formula, quoted where it holds a comma, a quote or a line end. */
export function csvCell(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  const within = text.replaceAll(FORMULA_WITHIN, "$1'");
  const harmless = FORMULA.test(within) ? `'${within}` : within;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** A row with its line end. */
export function csvRow(cells: readonly (string | number | null)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

const STYLE = `
@page { size: A4 landscape; margin: 14mm; }
body { font: 10pt/1.35 sans-serif; color: #111; }
h1 { font-size: 14pt; margin: 0 0 2mm; }
p { margin: 0 0 4mm; }
table { border-collapse: collapse; width: 100%; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th, td { border: 0.2mm solid #999; padding: 1mm 1.5mm; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { background: #eee; }
`;

/** The page may use its own style and nothing else. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'`;

/** Escaped text; characters that could reorder or hide a line become visible. */
function visibleHtml(text: string): string {
  return escapeHtml(text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\ufffd'));
}

/** The page up to its first row. */
export function pageHead(title: string, about: string, columns: readonly string[]): string {
  const heads = columns.map((column) => `<th scope="col">${visibleHtml(column)}</th>`).join('');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${visibleHtml(title)}</title><style>${STYLE}</style></head>
<body><h1>${visibleHtml(title)}</h1><p>${visibleHtml(about)}</p>
<table><thead><tr>${heads}</tr></thead><tbody>
`;
}

export function pageRow(cells: readonly (string | number | null)[]): string {
  return `<tr>${cells.map((cell) => `<td><bdi>${visibleHtml(cell === null ? '' : String(cell))}</bdi></td>`).join('')}</tr>\n`;
}

/** The page after its last row. */
export function pageEnd(rows: number): string {
  return `</tbody></table><p>${rows} rows. End of the audit.</p></body></html>\n`;
}
