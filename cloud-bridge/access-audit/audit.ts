// Owns: reading the access log out: in pages, as CSV, as a page to print, never more than a page of it in memory.
// Not here: writing it (clips/), who may read it (routes.ts).
import { type Clock, wallSeconds } from '../../device/base/clock.ts';
import type { AccessLog, AccessPage, LoggedAccess } from '../clips/access-log.ts';
import { csvRow } from './csv.ts';
import { pageEnd, pageHead, pageRow } from './page.ts';

/** Which accesses; null: of all agencies, of all clips. */
export type AuditOf = Pick<AccessPage, 'agency' | 'clip'>;

export const AUDIT_ROWS_MAX = 500;

const COLUMNS = ['number', 'time', 'agency', 'action', 'part', 'clip', 'reason', 'token', 'custody leaf'] as const;

function cellsOf(access: LoggedAccess): (string | number | null)[] {
  const { number, atUs, agency, action, part, clip, reason, token, leaf } = access;
  return [number, timeOf(atUs), agency, action, part, clip, reason, token, leaf];
}

const timeOf = (atUs: number) => new Date(Math.floor(atUs / 1000)).toISOString();

export class AccessAudit {
  private readonly log: AccessLog;
  private readonly clock: Clock;

  constructor(log: AccessLog, clock: Clock) {
    this.log = log;
    this.clock = clock;
  }

  /** One page, oldest first; `next` is what the following one comes after, null at the end. */
  async page(of: AuditOf, after: number, limit: number): Promise<{ accesses: LoggedAccess[]; next: number | null }> {
    const accesses = await this.log.page({ ...of, after, most: limit });
    return { accesses, next: accesses.length === limit ? (accesses.at(-1)?.number ?? null) : null };
  }

  /** All of it as CSV (RFC 4180), in parts. */
  async *csv(of: AuditOf): AsyncGenerator<string> {
    yield csvRow(COLUMNS);
    for await (const accesses of this.pages(of)) yield accesses.map((access) => csvRow(cellsOf(access))).join('');
  }

  /** All of it as an HTML page, in parts. */
  async *html(of: AuditOf): AsyncGenerator<string> {
    const whose = of.agency === null ? 'all agencies' : of.agency;
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
    for (let after: number | null = 0; after !== null; ) {
      const { accesses, next } = await this.page(of, after, AUDIT_ROWS_MAX);
      if (accesses.length > 0) yield accesses;
      after = next;
    }
  }
}
