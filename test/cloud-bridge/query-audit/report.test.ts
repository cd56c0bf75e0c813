// A report explains each proposal, as text and as a page; no text of an export is executed in that page.
import { expect, it } from 'vitest';
import { auditQueries } from '../../../cloud-bridge/query-audit/audit.ts';
import { parseAuditSettings } from '../../../cloud-bridge/query-audit/query-audit-settings.ts';
import { reportHtml } from '../../../cloud-bridge/query-audit/report-html.ts';
import { reportText } from '../../../cloud-bridge/query-audit/report-text.ts';

const HOSTILE = '<script>alert(1)</script>&"\'';

async function* file() {
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const bad = Array.from({ length: 9 }, () => `${quoted(`${HOSTILE} PD`)},${quoted(`ICE ${HOSTILE}\n2nd line`)}\n`);
  const rows = Array.from({ length: 3_000 }, (_, at) => `Testbed ${at % 90} PD,burglary\n`);
  yield new TextEncoder().encode(['Org Name,Reason\n', ...bad, ...rows, ',DHS\n', 'Testbed 1 PD\n'].join(''));
}

it('names agency, scope, counts, rules, lines and words, and how many rows were broken', async () => {
  const report = await auditQueries(file(), parseAuditSettings({ scope: 'area-dp0' }));
  const text = reportText(report);
  expect(text).toContain('3011 searches of 91 agencies; 10 flagged: ice 9, dhs 1');
  expect(text).toContain('1 broken rows (width 1)');
  expect(text).toContain('1 rows name no agency');
  expect(text).toContain('1 to revoke:');
  expect(text).toMatch(/<script>alert.* everything +9 +9 /);
  expect(text).toContain('9 x ice: It names Immigration and Customs Enforcement.');
  expect(text).toMatch(/line 2: "ICE <script>.* 2nd line" -> ice \("ice"\)/);
  expect(reportText(report, 0)).not.toContain('line 2:');
});

it('escapes all text of the export, and loads and runs nothing', async () => {
  const page = reportHtml(await auditQueries(file(), parseAuditSettings({})), `${HOSTILE}.csv`);
  expect(page).not.toContain('<script');
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39; PD');
  expect(page).toContain("content=\"default-src 'none'; style-src 'unsafe-inline'\"");
  expect(page).not.toMatch(/(?:src|href)="(?!#)/);
  expect(page).toContain('<td class="number">9</td>');
});

it('says that there is no finding when there is none', async () => {
  const nothing = auditQueries(
    (async function* () {
      yield new TextEncoder().encode('Org Name,Reason\nA PD,burglary\n');
    })(),
    parseAuditSettings({}),
  );
  expect(reportText(await nothing)).toMatch(
    /0 flagged: none\n.*\n\n0 to revoke\.\nMisuse that its words do not tell is not found: .*$/,
  );
});
