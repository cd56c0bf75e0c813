// An audit's report as text for a terminal. It proposes which agencies to revoke.
import type { AuditReport } from './audit.ts';
import type { AuditFinding } from './verdict.ts';

const FINDINGS_SHOWN = 60;
const SAMPLES_SHOWN = 3;

/** What no report can tell. */
export const HIDDEN = 'Misuse that its words do not tell is not found: no proposal does not mean no misuse.';

/** The report for a terminal: totals, the table, and the reasons for the first `explainedMax` proposals. */
export function reportText(report: AuditReport, explainedMax: number = FINDINGS_SHOWN): string {
  const { findings, broken } = report;
  const shown = findings.slice(0, FINDINGS_SHOWN);
  return [
    `${report.rows} searches of ${report.agencies} agencies; ${report.flagged} flagged: ${counts(report.byRule) || 'none'}`,
    ...(report.nameless > 0
      ? [`${report.nameless} rows name no agency; they count in the totals, but for no agency.`]
      : []),
    ...(broken.rows > 0
      ? [
          `${broken.rows} broken rows (${counts(broken.byFault)}), audited as far as they can be read: ${brokenLines(report)}`,
        ]
      : []),
    `Accidents of wording: ${(report.background * 100).toFixed(4)} % of rows.`,
    '',
    `${findings.length} to revoke${findings.length === 0 ? '.' : ':'}`,
    ...(findings.length === 0 ? [] : table(shown)),
    ...(findings.length > shown.length
      ? [`  ... and ${findings.length - shown.length} more (--json or --html has all)`]
      : []),
    HIDDEN,
    ...shown.slice(0, explainedMax).flatMap(explained),
  ].join('\n');
}

function brokenLines({ broken }: AuditReport): string {
  const first = broken.first.slice(0, 8).map(({ line, fault }) => `line ${line} (${fault})`);
  return `${first.join(', ')}${broken.rows > first.length ? ', ...' : ''}`;
}

function table(findings: readonly AuditFinding[]): string[] {
  const heads = ['agency', 'revoke', 'searches', 'flagged', 'score', 'by'];
  const rows = findings.map((finding) => [
    oneLine(finding.agency, 40),
    scopeText(finding),
    String(finding.queries),
    String(finding.flagged),
    finding.score.toFixed(1),
    oneLine(counts(finding.byRule), 70),
  ]);
  const widths = heads.map((head, at) => Math.max(head.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, at) => (at >= 2 && at <= 4 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join('  ')}`.trimEnd();
  return [line(heads), ...rows.map(line)];
}

/** The access that a proposal is about. */
export function scopeText({ scope }: AuditFinding): string {
  return scope ?? 'everything';
}

function explained(finding: AuditFinding): string[] {
  return [
    '',
    `${oneLine(finding.agency, 80)}: revoke ${scopeText(finding)}`,
    ...finding.reasons.map((reason) => `  - ${reason}`),
    ...finding.samples.slice(0, SAMPLES_SHOWN).map((row) => {
      const matched = row.matches.map(({ rule, matched: words }) => `${rule} ("${words}")`).join(', ');
      return `  line ${row.line}: "${oneLine(row.reason, 80)}" -> ${matched}`;
    }),
  ];
}

function counts(byName: Readonly<Record<string, number>>): string {
  return Object.entries(byName)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function oneLine(text: string, most: number): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > most ? `${line.slice(0, most - 1)}\u2026` : line;
}
