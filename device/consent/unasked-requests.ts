// Owns: requests that this home's owners cannot be asked about, and why: each told in the log once, and to the owners in the state. To
// nobody else: what bridge and agency see must not depend on it. Not here: judging requests (area-requests.ts).
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import { type ErrorCode, failure } from '@doorsill/contract/errors';

/** Without a request it is about all of them. */
export interface UnaskedRequest {
  request?: string;
  code: ErrorCode;
  /** The code's message, and what the doorbell's clock shows where time is the reason. */
  detail: string;
}

/** As many as a state can list. */
const LISTED_MAX = 20;
/** What was not asked for this long is not told any more. */
const TOLD_MS = 3_600_000;
/** Reasons that a wrong clock can be behind. */
const BY_CLOCK: ReadonlySet<ErrorCode> = new Set([
  'area_outdated',
  'consent_request_expired',
  'consent_credential_expired',
  'consent_revocations_stale',
]);

export interface UnaskedDeps {
  clock: Clock;
  log: Log;
  /** There is something else to tell. */
  changed(): void;
}

export class UnaskedRequests {
  private readonly deps: UnaskedDeps;
  /** By request; '' for all of them. Oldest first. */
  private readonly unasked = new Map<string, { code: ErrorCode; atMs: number }>();

  constructor(deps: UnaskedDeps) {
    this.deps = deps;
  }

  /** A request, or all where it is null, is not put to the owners for this reason. */
  note(request: string | null, code: ErrorCode): void {
    const { clock, log, changed } = this.deps;
    const id = request ?? '';
    const known = this.unasked.get(id);
    this.unasked.delete(id);
    this.unasked.set(id, { code, atMs: clock.monotonicMs() });
    const [oldest] = this.unasked.keys();
    if (this.unasked.size > LISTED_MAX && oldest !== undefined) this.unasked.delete(oldest);
    if (known?.code === code) return;
    const { advice } = failure(code);
    log.warn('owners cannot be asked about a request', {
      request: id || 'all',
      code,
      detail: this.detailOf(code),
      advice,
    });
    changed();
  }

  /** It is put to them, or closed. */
  settle(request: string | null): void {
    if (this.unasked.delete(request ?? '')) this.deps.changed();
  }

  list(): UnaskedRequest[] {
    const sinceMs = this.deps.clock.monotonicMs() - TOLD_MS;
    return [...this.unasked].flatMap(([request, { code, atMs }]) =>
      atMs < sinceMs ? [] : [{ ...(request === '' ? {} : { request }), code, detail: this.detailOf(code) }],
    );
  }

  clear(): void {
    this.unasked.clear();
  }

  private detailOf(code: ErrorCode): string {
    const { message } = failure(code);
    if (!BY_CLOCK.has(code)) return message;
    const shown = new Date(Math.floor(this.deps.clock.wallUs() / 1_000)).toISOString();
    return `${message} The doorbell’s clock shows ${shown.slice(0, 16).replace('T', ' ')} UTC.`;
  }
}
