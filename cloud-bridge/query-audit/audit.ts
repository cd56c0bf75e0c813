// An audit in one pass and bounded memory: bytes to rows, rows to flags, flags to verdicts.
import { failure } from '@doorsill/contract/errors';
import { type CsvLimits, type CsvRow, CsvRows, type RowFault } from '../persistence/csv-rows.ts';
import { type FlaggedRow, Tallies } from './agency-counts.ts';
import { type Header, readHeader } from './export-columns.ts';
import { Reader } from './match-word-rules.ts';
import type { AuditSettings } from './query-audit-settings.ts';
import { type AuditFinding, judge } from './verdict.ts';

/** A row with a fault; it was audited as far as it could be read. */
export interface BrokenRow {
  line: number;
  fault: RowFault;
}

/** The result of an audit of one export. */
export interface AuditReport {
  rows: number;
  agencies: number;
  /** Rows that name no agency; they are flagged, but count for none. */
  nameless: number;
  broken: { rows: number; byFault: Partial<Record<RowFault, number>>; first: BrokenRow[] };
  /** Flagged rows by rule, over all agencies. */
  byRule: Record<string, number>;
  flagged: number;
  background: number;
  scope: string | null;
  findings: AuditFinding[];
}

const BROKEN_SHOWN_MAX = 100;

export interface AuditHooks {
  /** Called with every flagged row as it is read. */
  flagged?: (row: FlaggedRow) => Promise<void> | void;
  limits?: CsvLimits;
  signal?: AbortSignal;
}

/** Audits an export that comes in pieces of bytes. Throws `query_export_invalid`; broken rows are reported, not thrown. */
export async function auditQueries(
  pieces: AsyncIterable<Uint8Array>,
  settings: AuditSettings,
  hooks: AuditHooks = {},
): Promise<AuditReport> {
  const audit = new Audit(settings, hooks);
  const decoder = new TextDecoder();
  const rows = new CsvRows(hooks.limits);
  for await (const piece of pieces) {
    hooks.signal?.throwIfAborted();
    await audit.take(rows.push(decoder.decode(piece, { stream: true })));
  }
  await audit.take(rows.push(decoder.decode()));
  await audit.take(rows.end());
  return audit.report();
}

class Audit {
  private readonly settings: AuditSettings;
  private readonly hooks: AuditHooks;
  private readonly tallies: Tallies;
  private readonly reader = new Reader();
  private header: Header | null = null;
  private rows = 0;
  private flagged = 0;
  private readonly byRule = new Map<string, number>();
  private readonly broken: AuditReport['broken'] = { rows: 0, byFault: {}, first: [] };

  constructor(settings: AuditSettings, hooks: AuditHooks) {
    this.settings = settings;
    this.hooks = hooks;
    this.tallies = new Tallies(settings.agenciesMax);
  }

  async take(rows: readonly CsvRow[]): Promise<void> {
    for (const row of rows) {
      if (!this.header) {
        this.header = readHeader(row.cells);
        continue;
      }
      const flagged = this.takeRow(row, this.header);
      if (!flagged) continue;
      this.flagged += 1;
      for (const { rule } of flagged.matches) this.byRule.set(rule, (this.byRule.get(rule) ?? 0) + 1);
      const handled = this.hooks.flagged?.(flagged);
      if (handled) await handled;
    }
  }

  private takeRow(row: CsvRow, { positions, width }: Header): FlaggedRow | null {
    const { cells } = row;
    this.rows += 1;
    const fault = row.fault ?? (cells.length === width ? null : 'width');
    if (fault) this.addBroken({ line: row.line, fault });
    // Extra cells come from unquoted commas in the one column with free text.
    const extra = Math.max(0, cells.length - width);
    const at = positions.reason ?? 0;
    const cell = (position: number | undefined) =>
      position === undefined ? '' : (cells[position > at ? position + extra : position] ?? '');
    const isLost = cells.length <= at;
    const reason = extra === 0 ? cell(at) : cells.slice(at, at + extra + 1).join(',');
    const caseNumber = cell(positions.caseNumber);
    return this.tallies.add({
      line: row.line,
      agency: cell(positions.agency).trim(),
      reason,
      caseNumber,
      matches: this.reader.read({
        reason: isLost ? null : reason,
        caseNumber,
        prompt: cell(positions.prompt),
        offense: cell(positions.offense),
      }),
    });
  }

  private addBroken(row: BrokenRow): void {
    this.broken.rows += 1;
    this.broken.byFault[row.fault] = (this.broken.byFault[row.fault] ?? 0) + 1;
    if (this.broken.first.length < BROKEN_SHOWN_MAX) this.broken.first.push(row);
  }

  report(): AuditReport {
    if (!this.header) throw failure('query_export_invalid', { detail: 'it is empty' });
    const all = [...this.tallies.byName.values()];
    const { background, findings } = judge(all, this.settings);
    return {
      rows: this.rows,
      agencies: all.filter(({ agency }) => agency !== '').length,
      nameless: this.tallies.byName.get('')?.queries ?? 0,
      broken: this.broken,
      byRule: Object.fromEntries([...this.byRule].sort(([, one], [, other]) => other - one)),
      flagged: this.flagged,
      background,
      scope: this.settings.scope ?? null,
      findings,
    };
  }
}
