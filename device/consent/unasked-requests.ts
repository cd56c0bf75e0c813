// Requests that the doorbell cannot ask its owners about, and why. Each is logged once, and listed in the device's state, which owners
// read. Nobody else learns of them: what the bridge and the agency see must not depend on it.
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import { type ErrorCode, failure } from '@doorsill/contract/errors';

/** An entry without a request concerns all requests. */
export interface UnaskedRequest {
  request?: string;
  code: ErrorCode;
  /** The code's message, and the doorbell's time where time is the reason. */
  detail: string;
}

/** Maximum number in one state message. */
const LISTED_MAX = 20;
/** Entries older than this are no longer listed. */
const LISTED_MS = 3_600_000;
/** Reasons that a wrong clock can cause. */
const BY_CLOCK: ReadonlySet<ErrorCode> = new Set([
  'area_outdated',
  'consent_request_expired',
  'consent_credential_expired',
  'consent_revocations_stale',
]);

export interface UnaskedDeps {
  clock: Clock;
  log: Log;
  /** Called when the list has changed. */
  changed(): void;
}

export class UnaskedRequests {
  private readonly deps: UnaskedDeps;
  /** By request, '' for all requests; oldest first. */
  private readonly unasked = new Map<string, { code: ErrorCode; atMs: number }>();

  constructor(deps: UnaskedDeps) {
    this.deps = deps;
  }

  /** Notes why owners cannot be asked about a request; null stands for all requests. */
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

  /** Removes a request that owners were asked about or that was closed. */
  settle(request: string | null): void {
    if (this.unasked.delete(request ?? '')) this.deps.changed();
  }

  list(): UnaskedRequest[] {
    const sinceMs = this.deps.clock.monotonicMs() - LISTED_MS;
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
