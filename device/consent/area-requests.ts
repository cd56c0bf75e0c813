// Which agency requests are open here, which credentials are newest, and which requests may be answered. Held in memory: the
// broker's retained messages fill it again after a restart.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { isNoSpace } from '@doorsill/base/disk';
import { sha256Hex, verifySignature } from '@doorsill/base/keys';
import { cellOf, insideArea } from '@doorsill/contract/area-cells';
import { assert } from '@doorsill/contract/assert';
import type { ErrorCode } from '@doorsill/contract/errors';
import type { RequestNotice } from '@doorsill/contract/home-messages';
import type { AreaDocument, Credential, PublishedRequest, Revocations } from '@doorsill/contract/request';
import { DISCLOSURE_PROFILES, type DisclosedValues, type DisclosureKey } from '@doorsill/contract/shared-claims';
import {
  asksBeyond,
  claimedRequestId,
  credentialFault,
  type OpenedRequest,
  openPublished,
  revokedBy,
  type Trust,
} from '@doorsill/contract/verify-published-request';
import type { HighWaterMarks } from '../ledger/high-water-marks.ts';
import { CellDocuments, openAreaDocument, openRevocations } from './area-documents.ts';
import type { Footage, GateDeps, GateLimits } from './gate-interfaces.ts';
import type { Pins } from './gate-state.ts';
import type { GrantGround } from './live-grant.ts';
import { UnaskedRequests } from './unasked-requests.ts';

/** Maximum number of remembered ids of refused or cancelled requests; the oldest are dropped first. */
const REMEMBERED_IDS_MAX = 2_000;
/** Maximum number of footage spans in one notice (contract/home-messages.ts). */
const COVERAGE_SPANS_MAX = 20;

const NO_LIST = 'consent_revocations_stale';
/** An expired or early document is reported to owners only if none was accepted for this long: a broker may repeat old ones. */
const DOCUMENT_NEW_MS = 15 * 60_000;
/** A request may wait this long for other documents, such as the revocation list, before owners are told that it is held back. */
const HELD_MS_MAX = 15_000;

/** The result of taking in one area document. */
export interface AreaNews {
  /** Ids of requests that the bridge ended early. */
  cancelled: readonly string[];
  /** Those of them that were open until now and whose notices owners had got. */
  closed: string[];
  /** Error codes of entries that were rejected. */
  refused: ErrorCode[];
}

export interface AreaRequestsDeps extends Pick<GateDeps, 'clock' | 'log' | 'place' | 'serveStateAgencies' | 'device'> {
  /** The values the device can disclose now. */
  values(): DisclosedValues;
  footage: Pick<Footage, 'coverage'>;
  /** Called when the list of requests that owners cannot be asked about has changed. */
  changed(): void;
}

export class AreaRequests implements GrantGround {
  /** Whether the newest list's high-water mark could be stored. */
  storage: 'ok' | 'full' | 'failed' = 'ok';
  readonly clock: Clock;
  private readonly deps: AreaRequestsDeps;
  private readonly marks: HighWaterMarks;
  private readonly openRequestsMax: number;
  private readonly documents: CellDocuments<AreaDocument>;
  private readonly open = new Map<string, OpenedRequest>();
  private readonly refusedAs = new Map<string, ErrorCode>();
  private readonly cancelled = new Set<string>();
  /** By open request: the credential with which `takeAnswerable` returned it last. */
  private readonly returnedWith = new Map<string, string>();
  /** Monotonic arrival time of each open request. */
  private readonly openedMs = new Map<string, number>();
  readonly unasked: UnaskedRequests;
  private acceptedMs = Number.NEGATIVE_INFINITY;
  private list: Revocations | null = null;
  /** Monotonic expiry of the list: a wall clock that is slow or set back must not prolong it. */
  private listEndMs = 0;
  private whyNoList: ErrorCode = NO_LIST;
  private lastList = '';
  /** The list whose high-water mark is not on disk yet. */
  private unmarked: { list: Revocations; token: string } | null = null;

  constructor(deps: AreaRequestsDeps, limits: Pick<GateLimits, 'openRequestsMax'>, marks: HighWaterMarks) {
    this.deps = deps;
    this.clock = deps.clock;
    this.marks = marks;
    this.openRequestsMax = limits.openRequestsMax;
    this.unasked = new UnaskedRequests(deps);
    this.documents = new CellDocuments({ markKind: '', open: openAreaDocument }, marks, deps);
  }

  /** Opens a part of the area document; null for a repeat of the accepted one. `consent_too_many`: rate limit. */
  openDocument(onPart: number, token: string, pins: Pins): AreaDocument | ErrorCode | null {
    const opened = this.documents.open(onPart, token, pins);
    const isOld = this.clock.monotonicMs() - this.acceptedMs > DOCUMENT_NEW_MS;
    // Only the bridge's own document gets these codes: its signature is checked before its time.
    if ((opened === 'token_expired' || opened === 'consent_not_yet_valid') && isOld)
      this.unasked.note(null, 'area_outdated');
    return opened;
  }

  /** Accepts an opened document. Requests missing from it stay open: only an explicit end cancels one. */
  async takeDocument(document: AreaDocument, token: string, pins: Pins): Promise<AreaNews> {
    if (!(await this.documents.accept(document, token, pins)))
      return { cancelled: [], closed: [], refused: ['consent_too_old'] };
    this.acceptedMs = this.clock.monotonicMs();
    this.unasked.settle(null);
    return this.acceptEntries(document, pins);
  }

  /** Opens a revocation list; null for a repeat of the accepted one. */
  openList(token: string, pins: Pins): Revocations | ErrorCode | null {
    const { marks, deps, unmarked } = this;
    const newest = unmarked?.list ?? this.list;
    const judged = openRevocations(token, pins.registryKey, marks.revocations, newest, deps.clock);
    if (!judged.ok) return judged.code;
    return this.lastList === sha256Hex(token) ? null : judged.claims;
  }

  /**
   * Accepts an opened list once its mark is durable: otherwise a restart could bring an older list back. Until then no list is
   * in force, so nothing is granted and nothing leaves; `retryList` tries again.
   */
  async takeList(list: Revocations, token: string): Promise<void> {
    // A newer list may have arrived while this one was queued, or may itself be waiting for its mark.
    if (list.revision < Math.max(this.marks.revocations, this.unmarked?.list.revision ?? 0)) return;
    this.unmarked = { list, token };
    await this.retryList();
  }

  /** Accepts the list whose mark could not be stored, if it can be stored now. */
  async retryList(): Promise<void> {
    const { unmarked } = this;
    if (!unmarked) return;
    try {
      await this.marks.raiseRevocations(unmarked.list.revision);
    } catch (thrown) {
      this.storage = isNoSpace(thrown) ? 'full' : 'failed';
      this.list = null;
      this.whyNoList = 'consent_storage_failed';
      this.deps.changed();
      this.deps.log.warn(
        'the number of a revocation list could not be stored; nothing is granted or sent until it can (check the disk)',
        { error: String(thrown) },
      );
      return;
    }
    this.unmarked = null;
    this.storage = 'ok';
    this.lastList = sha256Hex(unmarked.token);
    this.list = unmarked.list;
    this.listEndMs = this.clock.monotonicMs() + this.list.exp * 1_000 - this.clock.wallUs() / 1_000;
  }

  /** The revocation list in force, however old. */
  get revocations(): Revocations | null {
    return this.list;
  }

  /** Requests that are open and concern this home, in order of arrival. */
  requests(): OpenedRequest[] {
    return [...this.open.values()];
  }

  request(id: string): OpenedRequest | null {
    return this.open.get(id) ?? null;
  }

  isCancelled(id: string): boolean {
    return this.cancelled.has(id);
  }

  /** Why a published request is not open; null when its id is unknown. */
  whyNotOpen(id: string): ErrorCode | null {
    return this.cancelled.has(id) ? 'consent_request_cancelled' : (this.refusedAs.get(id) ?? null);
  }

  private acceptEntries(document: AreaDocument, trust: Trust): AreaNews {
    const news: AreaNews = { cancelled: document.cancelled, closed: [], refused: [] };
    for (const id of document.cancelled) {
      if (!this.cancelled.has(id)) makeRoom(this.cancelled);
      this.cancelled.add(id);
      if (this.close(id)) news.closed.push(id);
      this.unasked.settle(id);
    }
    for (const published of document.requests) {
      if (this.isOpen(published)) continue;
      const read = openPublished(published, trust, { verify: verifySignature, sha256Hex });
      const id = read.ok ? read.opened.request.jti : claimedRequestId(published.request);
      const code = read.ok ? this.takeOpened(read.opened) : read.code;
      if (code === null) continue;
      news.refused.push(code);
      if (id === null || this.open.has(id)) continue;
      this.refuse(id, code);
      // An entry that does not verify is only counted.
      if (read.ok) this.unasked.note(id, code);
    }
    return news;
  }

  /**
   * Whether exactly this request was verified and is open. A document repeats all open requests, and a small board takes long to
   * verify each signature again.
   */
  private isOpen({ request, credential }: PublishedRequest): boolean {
    const known = this.open.get(claimedRequestId(request) ?? '')?.published;
    return known?.request === request && known.credential === credential;
  }

  /** Returns why a request is refused; null when it is accepted or does not concern this home. */
  private takeOpened(opened: OpenedRequest): ErrorCode | null {
    const id = opened.request.jti;
    if (this.cancelled.has(id) || !insideArea(this.deps.place, opened.request.area)) return null;
    const known = this.open.get(id);
    if (!known && opened.request.exp <= wallSeconds(this.clock)) return 'consent_request_expired';
    // The same id with different bytes: the first version stays, because an owner may be reading it.
    if (known && known.requestSha256 !== opened.requestSha256) return 'consent_request_changed';
    if (known && !isNewer(opened.credential, known.credential)) return null;
    if (!known && this.open.size >= this.openRequestsMax) return 'consent_too_many';
    this.open.set(id, opened);
    if (!known) this.openedMs.set(id, this.clock.monotonicMs());
    this.refusedAs.delete(id);
    return null;
  }

  private refuse(id: string, code: ErrorCode): void {
    if (!this.refusedAs.has(id)) makeRoom(this.refusedAs);
    this.refusedAs.set(id, code);
  }

  /** Requests that may be answered now and were not returned before with their newest credential. */
  takeAnswerable(): OpenedRequest[] {
    const found: OpenedRequest[] = [];
    for (const opened of this.open.values()) {
      if (this.standingOf(opened) !== null) continue;
      const { token } = this.newestCredential(opened);
      if (this.returnedWith.get(opened.request.jti) === token) continue;
      this.returnedWith.set(opened.request.jti, token);
      this.unasked.settle(opened.request.jti);
      found.push(opened);
    }
    return found;
  }

  /** Why this request's agency may not be answered now; null when it may. Uses the agency's newest known credential. */
  standingOf(opened: OpenedRequest): ErrorCode | null {
    const nowS = wallSeconds(this.clock);
    const credential = this.newestCredential(opened).credential;
    const fault = credentialFault(credential, nowS, this.deps.serveStateAgencies ?? false);
    if (fault) return fault;
    if (asksBeyond(opened.request, credential)) return 'consent_request_beyond';
    const list = this.list;
    const held = this.held();
    if (held !== null) return held;
    assert(list !== null, 'without a list everything is held back');
    return this.isRevoked(list, credential) ? 'consent_agency_revoked' : null;
  }

  /** Why nothing may leave now. A fresh list is required: a broker that withholds a revocation must not keep a grant alive. */
  held(): ErrorCode | null {
    const { list, clock } = this;
    if (!list) return this.whyNoList;
    if (list.exp <= wallSeconds(clock) || clock.monotonicMs() >= this.listEndMs) return NO_LIST;
    return this.marks.clockTrusted() ? null : 'consent_clock_untrusted';
  }

  /** Whether a list revokes a credential for this home. */
  isRevoked(list: Revocations, credential: Credential): boolean {
    return revokedBy(list, credential, [cellOf(this.deps.place)]);
  }

  /** The newest known credential of a request's agency, whichever request it came with. */
  newestCredential(opened: OpenedRequest): { credential: Credential; token: string } {
    let best = opened;
    for (const other of this.open.values()) {
      if (other.credential.agency === best.credential.agency && isNewer(other.credential, best.credential))
        best = other;
    }
    return { credential: best.credential, token: best.published.credential };
  }

  /** Notes the open requests that are held back from owners, and why. */
  private noteHeld(): void {
    for (const [id, opened] of this.open) {
      const heldMs = this.clock.monotonicMs() - (this.openedMs.get(id) ?? 0);
      const code = this.returnedWith.has(id) || heldMs < HELD_MS_MAX ? null : this.standingOf(opened);
      if (code !== null) this.unasked.note(id, code);
    }
  }

  /** Closes a request; returns whether `takeAnswerable` had returned it. */
  private close(id: string): boolean {
    this.open.delete(id);
    this.openedMs.delete(id);
    return this.returnedWith.delete(id);
  }

  /** Drops expired requests; notes those that owners were never asked about. */
  dropExpired(): void {
    this.noteHeld();
    const nowS = wallSeconds(this.clock);
    for (const [id, { request }] of this.open) {
      if (request.exp > nowS) continue;
      this.close(id);
      this.refuse(id, 'consent_request_expired');
    }
  }

  /** The notice of a request for its owners. */
  noticeOf(opened: OpenedRequest): RequestNotice {
    const values = this.deps.values();
    const askedKeys: DisclosureKey[] = [...DISCLOSURE_PROFILES[opened.request.profile]];
    const held = askedKeys.flatMap((key) => (values[key] === undefined ? [] : [[key, values[key]] as const]));
    return {
      device: this.deps.device.id,
      published: { ...opened.published, credential: this.newestCredential(opened).token },
      wouldDisclose: Object.fromEntries(held),
      askedKeys,
      coverage: this.deps.footage.coverage(opened.request.window).slice(-COVERAGE_SPANS_MAX),
    };
  }

  /** Clears everything, for a device that has another bridge or registry now. */
  clear(): void {
    this.open.clear();
    this.returnedWith.clear();
    this.openedMs.clear();
    this.unasked.clear();
    this.acceptedMs = Number.NEGATIVE_INFINITY;
    this.refusedAs.clear();
    this.cancelled.clear();
    this.list = null;
    this.whyNoList = NO_LIST;
    this.documents.clear();
    this.lastList = '';
    this.unmarked = null;
    this.storage = 'ok';
  }
}

function isNewer(one: Credential, than: Credential): boolean {
  return one.revision > than.revision || (one.revision === than.revision && one.iat > than.iat);
}

/** Makes room for one more id by dropping the oldest. */
function makeRoom(ids: Set<string> | Map<string, ErrorCode>): void {
  const oldest = ids.keys().next();
  if (ids.size >= REMEMBERED_IDS_MAX && !oldest.done) ids.delete(oldest.value);
}
