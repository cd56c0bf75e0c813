// An audit in one pass and bounded memory: bytes to rows, rows to flags, flags to verdicts.
import { failure } from '@doorsill/contract/errors';
import { type CsvLimits, type CsvRow, CsvRows, type RowFault } from '../persistence/csv-rows.ts';
import { type FlaggedRow, Tallies } from './agency-counts.ts';
import { type Header, readHeader } from './export-columns.ts';
import { Reader } from './match-word-rules.ts';
import type { AuditSettings } from './query-audit-settings.ts';
import { type AuditFinding, judge } from './verdict.ts';

const US = /^(\d{1,2})\/(\d{1,2})\/(\d{4}),? +(\d{1,2}):(\d{2})(?::(\d{2}))? ?([AP])\.?M\.?(?: +(UTC|GMT|Z))?/i;
const ISO =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?: ?(Z|UTC|GMT)|([+-]\d{2}):?(\d{2}))?$/i;

const HOUR_MS = 3_600_000;
/** Cache size for local hours: two years. */
const REMEMBERED_MAX = 17_600;

/** Reads search times in one time zone. */
export class SearchTimes {
  private readonly format: Intl.DateTimeFormat;
  private readonly remembered = new Map<number, number>();

  /** `timeZone` is a name of the tz database. */
  constructor(timeZone: string) {
    this.format = new Intl.DateTimeFormat('en-US', { timeZone, hour: 'numeric', hourCycle: 'h23' });
  }

  /** The local hour, 0 to 23, of a time in an export; without a zone it is already local. Null if it is not a time. */
  localHour(text: string): number | null {
    const us = US.exec(text);
    if (us) {
      const hour = (Number(us[4]) % 12) + (us[7]?.toUpperCase() === 'P' ? 12 : 0);
      if (us[8] === undefined) return hour;
      return this.hourAt(Date.UTC(Number(us[3]), Number(us[1]) - 1, Number(us[2]), hour, Number(us[5])));
    }
    const iso = ISO.exec(text);
    if (!iso) return null;
    const hour = Number(iso[4]);
    if (iso[7] === undefined && iso[8] === undefined) return hour < 24 ? hour : null;
    const offsetMs =
      iso[8] === undefined ? 0 : (Number(iso[8]) * 60 + Math.sign(Number(iso[8]) || 1) * Number(iso[9])) * 60_000;
    const atMs = Date.UTC(Number(iso[1]), Number(iso[2]) - 1, Number(iso[3]), hour, Number(iso[5]));
    return this.hourAt(atMs - offsetMs);
  }

  private hourAt(atMs: number): number | null {
    if (!Number.isFinite(atMs)) return null;
    // Offsets of time zones are multiples of a quarter of an hour.
    const quarter = Math.floor(atMs / (HOUR_MS / 4));
    const known = this.remembered.get(quarter);
    if (known !== undefined) return known;
    if (this.remembered.size >= REMEMBERED_MAX) this.remembered.clear();
    const hour = Number(this.format.format(quarter * (HOUR_MS / 4)));
    this.remembered.set(quarter, hour);
    return hour;
  }
}

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
  /** Whether habits could be judged; `falseDiscoveries`: the allowed share of honest agencies among those proposed for review. */
  habits: { judged: boolean; falseDiscoveries: number };
  scope: string | null;
  findings: AuditFinding[];
}

const BROKEN_SHOWN_MAX = 100;
/** A larger number of searched networks is a typing error. */
const NETWORKS_MAX = 1_000_000;

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
  private readonly times: SearchTimes;
  private header: Header | null = null;
  private rows = 0;
  private flagged = 0;
  private readonly byRule = new Map<string, number>();
  private readonly broken: AuditReport['broken'] = { rows: 0, byFault: {}, first: [] };

  constructor(settings: AuditSettings, hooks: AuditHooks) {
    this.settings = settings;
    this.hooks = hooks;
    this.tallies = new Tallies(settings.agenciesMax);
    this.times = new SearchTimes(settings.timeZone);
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
    const hour = positions.time === undefined ? null : this.times.localHour(cell(positions.time));
    return this.tallies.add({
      line: row.line,
      agency: cell(positions.agency).trim(),
      reason,
      caseNumber,
      reading: this.reader.read({
        reason: isLost ? null : reason,
        caseNumber,
        prompt: cell(positions.prompt),
        offense: cell(positions.offense),
      }),
      isOffHours: hour === null ? null : this.isOffHours(hour),
      networks: count(cell(positions.networks ?? positions.devices)),
    });
  }

  private isOffHours(hour: number): boolean {
    const { from, until } = this.settings.offHours;
    return from <= until ? hour >= from && hour < until : hour >= from || hour < until;
  }

  private addBroken(row: BrokenRow): void {
    this.broken.rows += 1;
    this.broken.byFault[row.fault] = (this.broken.byFault[row.fault] ?? 0) + 1;
    if (this.broken.first.length < BROKEN_SHOWN_MAX) this.broken.first.push(row);
  }

  report(): AuditReport {
    if (!this.header) throw failure('query_export_invalid', { detail: 'it is empty' });
    const all = [...this.tallies.byName.values()];
    const { background, habitsJudged, findings } = judge(all, this.tallies.wideFrom, this.settings);
    return {
      rows: this.rows,
      agencies: all.filter(({ agency }) => agency !== '').length,
      nameless: this.tallies.byName.get('')?.queries ?? 0,
      broken: this.broken,
      byRule: Object.fromEntries([...this.byRule].sort(([, one], [, other]) => other - one)),
      flagged: this.flagged,
      background,
      habits: { judged: habitsJudged, falseDiscoveries: this.settings.falseDiscoveries },
      scope: this.settings.scope ?? null,
      findings,
    };
  }
}

function count(text: string): number | null {
  const digits = text.replaceAll(/[ ,]/g, '');
  if (!/^\d{1,9}$/.test(digits)) return null;
  const number = Number(digits);
  return number <= NETWORKS_MAX ? number : null;
}
