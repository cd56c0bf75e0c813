// One self-contained page: no script, nothing loaded, all text from outside escaped.
import { escapeHtml } from '@doorsill/base/escape-html';
import type { AuditReport } from './audit.ts';
import { HIDDEN, scopeText } from './report-text.ts';
import type { AuditFinding } from './verdict.ts';
import { WORD_RULES } from './word-rules.ts';

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #ccc; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
article { border-top: 2px solid #444; margin-top: 2rem } code { background: #f2f2f2; padding: 0 .2rem }`;

/** The page; `fileName` names the export that was read. */
export function reportHtml(report: AuditReport, fileName: string): string {
  const { findings, broken } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Audit of queries: ${escapeHtml(fileName)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Audit of queries</h1>
<p><code>${escapeHtml(fileName)}</code>: ${report.rows} searches of ${report.agencies} agencies, ${report.flagged} flagged.
${findings.length} proposed for revocation. ${escapeHtml(HIDDEN)}
${report.nameless > 0 ? `${report.nameless} rows name no agency.` : ''}</p>
<h2>Agencies</h2>
<table>
<thead><tr><th>Agency</th><th>Revoke</th><th>Searches</th><th>Flagged</th><th>Score</th></tr></thead>
<tbody>
${findings.map(tableRow).join('\n')}
</tbody>
</table>
${findings.map(details).join('\n')}
<h2>Rules</h2>
<table>
<thead><tr><th>Rule</th><th>Flagged rows</th><th>Why</th></tr></thead>
<tbody>
${WORD_RULES.map(({ id, why }) => `<tr><td>${escapeHtml(id)}</td><td class="number">${report.byRule[id] ?? 0}</td><td>${escapeHtml(why)}</td></tr>`).join('\n')}
</tbody>
</table>
<h2>Broken rows</h2>
<p>${broken.rows} rows could not be read as they should be; they were audited as far as they go.</p>
<ul>
${broken.first.map(({ line, fault }) => `<li>line ${line}: ${escapeHtml(fault)}</li>`).join('\n')}
</ul>
</body>
</html>
`;
}

function tableRow(finding: AuditFinding, at: number): string {
  return `<tr><td><a href="#agency-${at}">${escapeHtml(finding.agency)}</a></td><td>${escapeHtml(scopeText(finding))}</td><td class="number">${finding.queries}</td><td class="number">${finding.flagged}</td><td class="number">${finding.score.toFixed(1)}</td></tr>`;
}

function details(finding: AuditFinding, at: number): string {
  const samples = finding.samples.map((row) => {
    const matched = row.matches
      .map(({ rule, matched: words, why }) => `${escapeHtml(rule)}: <q>${escapeHtml(words)}</q>. ${escapeHtml(why)}`)
      .join(' ');
    return `<tr><td class="number">${row.line}</td><td>${escapeHtml(row.reason)}</td><td>${matched}</td></tr>`;
  });
  const table =
    samples.length === 0
      ? ''
      : `<table><thead><tr><th>Line</th><th>Reason as typed</th><th>Flag</th></tr></thead><tbody>${samples.join('\n')}</tbody></table>`;
  return `<article id="agency-${at}">
<h3>${escapeHtml(finding.agency)}</h3>
<ul>${finding.reasons.map((reason) => `<li>${escapeHtml(reason)}</li>`).join('')}</ul>
${table}
</article>`;
}
