// An audit's report as text for a terminal. It proposes which agencies to revoke, and which ones a person should look at (`review`).
import type { AuditReport } from './audit.ts';
import type { AuditFinding } from './verdict.ts';

const FINDINGS_SHOWN = 60;
const SAMPLES_SHOWN = 3;

/** The report for a terminal: totals, the table, and the reasons for the first `explainedMax` proposals. */
export function reportText(report: AuditReport, explainedMax: number = FINDINGS_SHOWN): string {
  const { findings, broken } = report;
  const shown = findings.slice(0, FINDINGS_SHOWN);
  const revoke = findings.filter(({ verdict }) => verdict === 'revoke').length;
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
    `${revoke} to revoke, ${findings.length - revoke} for a person to look at${findings.length === 0 ? '.' : ':'}`,
    ...(findings.length === 0 ? [] : table(shown)),
    ...(findings.length > shown.length
      ? [`  ... and ${findings.length - shown.length} more (--json or --html has all)`]
      : []),
    habitsText(report),
    ...shown.slice(0, explainedMax).flatMap(explained),
  ].join('\n');
}

function brokenLines({ broken }: AuditReport): string {
  const first = broken.first.slice(0, 8).map(({ line, fault }) => `line ${line} (${fault})`);
  return `${first.join(', ')}${broken.rows > first.length ? ', ...' : ''}`;
}

function table(findings: readonly AuditFinding[]): string[] {
  const heads = ['proposal', 'agency', 'for', 'searches', 'flagged', 'score', 'by'];
  const rows = findings.map((finding) => [
    finding.verdict,
    oneLine(finding.agency, 40),
    scopeText(finding),
    String(finding.queries),
    String(finding.flagged),
    finding.score.toFixed(1),
    oneLine([counts(finding.byRule), finding.hidden ? patternText(finding.hidden) : ''].filter(Boolean).join('; '), 70),
  ]);
  const widths = heads.map((head, at) => Math.max(head.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, at) => (at >= 3 && at <= 5 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join('  ')}`.trimEnd();
  return [line(heads), ...rows.map(line)];
}

/** Whose data a proposal is about. */
export function scopeText({ verdict, scope }: AuditFinding): string {
  return verdict === 'review' ? '-' : (scope ?? 'everything');
}

function patternText({ inPattern, predicted }: NonNullable<AuditFinding['hidden']>): string {
  return `${inPattern} wide, wordless, no case; habits predict ${predicted < 10 ? predicted.toFixed(1) : Math.round(predicted)}`;
}

/** How reliable the proposals for review are. */
export function habitsText({ habits, findings }: AuditReport): string {
  if (!habits.judged) return 'Habits were not judged: there are too few agencies to learn what is usual.';
  const reviews = findings.filter(({ verdict }) => verdict === 'review');
  const honestExpected = reviews.reduce((sum, { hidden }) => sum + (hidden?.honestChance ?? 0), 0);
  const bound = `${Math.round(habits.falseDiscoveries * 100)} %`;
  if (reviews.length === 0) return `Habits were judged under a bound of ${bound} false proposals.`;
  return `To look at is a question, not proof: of these ${reviews.length}, ${honestExpected.toFixed(1)} are expected to be honest (bound: ${bound}).`;
}

function explained(finding: AuditFinding): string[] {
  return [
    '',
    `${oneLine(finding.agency, 80)}: ${finding.verdict === 'revoke' ? `revoke ${finding.scope ?? 'everything'}` : 'look at it'}`,
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
