// A page to print or save as PDF: no script, all text escaped.
import { createHash } from 'node:crypto';
import { escapeHtml } from '@doorsill/base/escape-html';

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
