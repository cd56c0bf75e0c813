// Owns: what the device believes of the area link right now: open requests that concern this home, the newest credential
// of each agency, the revocation list. In memory: the broker's retained messages fill it again after a restart.
// Not here: opening tokens (verify-area.ts, protocol/published.ts), what owners answer (gate.ts).
import { type Clock, wallSeconds } from '../base/clock.ts';
import { sha256Hex, verifySignature } from '../base/keys.ts';
import { cellOf, insideArea, type Place } from '../protocol/area.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import {
  asksBeyond,
  claimedRequestId,
  credentialFault,
  type OpenedRequest,
  openPublished,
  revokedBy,
  type Trust,
} from '../protocol/published.ts';
import type { AreaDocument, Credential, Revocations } from '../protocol/request.ts';
import type { GrantGround } from './live-grant.ts';

/** So many ids of refused or cancelled requests are remembered; the oldest go first. */
const REMEMBERED_IDS_MAX = 2_000;

const NO_LIST = 'consent_revocations_stale';

/** What one area document brought. */
export interface AreaNews {
  /** Ids the bridge ended early. */
  cancelled: readonly string[];
  /** Codes of entries that were not believed. */
  refused: ErrorCode[];
}

export interface AreaViewSettings {
  place: Place;
  serveStateAgencies: boolean;
  openRequestsMax: number;
  /** Whether the wall clock can be believed now. */
  clockTrusted(): boolean;
}

export class AreaView implements GrantGround {
  private readonly settings: AreaViewSettings;
  readonly clock: Clock;
  private readonly open = new Map<string, OpenedRequest>();
  private readonly refusedAs = new Map<string, ErrorCode>();
  private readonly cancelled = new Set<string>();
  /** The credential with which each open request was handed out last. */
  private readonly handedOut = new Map<string, string>();
  private list: Revocations | null = null;
  /** When the list is over by the monotonic clock: a wall clock that is slow or set back must not prolong it. */
  private listEndMs = 0;
  private whyNoList: ErrorCode = NO_LIST;

  constructor(settings: AreaViewSettings, clock: Clock) {
    this.settings = settings;
    this.clock = clock;
  }

  /** The revocation list believed now, however old. */
  get revocations(): Revocations | null {
    return this.list;
  }

  /** Requests that are open and concern this home, in the order they came. */
  requests(): OpenedRequest[] {
    return [...this.open.values()];
  }

  request(id: string): OpenedRequest | null {
    return this.open.get(id) ?? null;
  }

  isCancelled(id: string): boolean {
    return this.cancelled.has(id);
  }

  /** Why a request that was published is not among the open ones; null when it was never heard of. */
  whyNotOpen(id: string): ErrorCode | null {
    return this.cancelled.has(id) ? 'consent_request_cancelled' : (this.refusedAs.get(id) ?? null);
  }

  /** Takes in a verified document. What it leaves out stays open: silence is not a cancellation. */
  takeDocument(document: AreaDocument, trust: Trust): AreaNews {
    const news: AreaNews = { cancelled: document.cancelled, refused: [] };
    for (const id of document.cancelled) {
      if (!this.cancelled.has(id)) makeRoom(this.cancelled);
      this.cancelled.add(id);
      this.open.delete(id);
      this.handedOut.delete(id);
    }
    for (const published of document.requests) {
      const read = openPublished(published, trust, { verify: verifySignature, sha256Hex });
      const id = read.ok ? read.opened.request.jti : claimedRequestId(published.request);
      const code = read.ok ? this.takeOpened(read.opened) : read.code;
      if (code === null) continue;
      news.refused.push(code);
      if (id !== null && !this.open.has(id)) this.refuse(id, code);
    }
    return news;
  }

  /** Returns why a request is not taken in; null when it is, or when it is none of this home's business. */
  private takeOpened(opened: OpenedRequest): ErrorCode | null {
    const id = opened.request.jti;
    if (this.cancelled.has(id) || !insideArea(this.settings.place, opened.request.area)) return null;
    const known = this.open.get(id);
    if (!known && opened.request.exp <= wallSeconds(this.clock)) return 'consent_request_expired';
    // The same id with other bytes: the first one stays, for it is the one an owner may be reading.
    if (known && known.requestSha256 !== opened.requestSha256) return 'consent_request_changed';
    if (known && !isNewer(opened.credential, known.credential)) return null;
    if (!known && this.open.size >= this.settings.openRequestsMax) return 'consent_too_many';
    this.open.set(id, opened);
    this.refusedAs.delete(id);
    return null;
  }

  private refuse(id: string, code: ErrorCode): void {
    if (!this.refusedAs.has(id)) makeRoom(this.refusedAs);
    this.refusedAs.set(id, code);
  }

  /** Requests that may be answered and were not handed out yet, or only with an older credential. Each is handed out once. */
  takeAnswerable(): OpenedRequest[] {
    const found: OpenedRequest[] = [];
    for (const opened of this.open.values()) {
      if (this.standingOf(opened) !== null) continue;
      const { token } = this.newestCredential(opened);
      if (this.handedOut.get(opened.request.jti) === token) continue;
      this.handedOut.set(opened.request.jti, token);
      found.push(opened);
    }
    return found;
  }

  /** Takes in a verified list. */
  takeRevocations(list: Revocations): void {
    this.list = list;
    this.listEndMs = this.clock.monotonicMs() + list.exp * 1_000 - this.clock.wallUs() / 1_000;
  }

  /** Believes no list any more: there is a newer one, whose mark could not be stored. */
  dropRevocations(): void {
    this.list = null;
    this.whyNoList = 'consent_storage_failed';
  }

  /** Why this request's agency may not be answered now; null when it may. Uses the newest credential heard of the agency. */
  standingOf(opened: OpenedRequest): ErrorCode | null {
    const nowS = wallSeconds(this.clock);
    const credential = this.newestCredential(opened).credential;
    const fault = credentialFault(credential, nowS, this.settings.serveStateAgencies);
    if (fault) return fault;
    if (asksBeyond(opened.request, credential)) return 'consent_request_beyond';
    const list = this.list;
    const held = this.held();
    if (held !== null || !list) return held ?? NO_LIST;
    return this.isRevoked(list, credential) ? 'consent_agency_revoked' : null;
  }

  /** Why nothing may leave now: the list says nothing about it, and who withholds a revocation could keep what is live going. */
  held(): ErrorCode | null {
    const { list, clock } = this;
    if (!list) return this.whyNoList;
    if (list.exp <= wallSeconds(clock) || clock.monotonicMs() >= this.listEndMs) return NO_LIST;
    return this.settings.clockTrusted() ? null : 'consent_clock_untrusted';
  }

  /** Whether a list kills a credential for this home. */
  isRevoked(list: Revocations, credential: Credential): boolean {
    return revokedBy(list, credential, [cellOf(this.settings.place)]);
  }

  /** The newest credential heard of a request's agency, from whichever request it came with. */
  newestCredential(opened: OpenedRequest): { credential: Credential; token: string } {
    let best = opened;
    for (const other of this.open.values()) {
      if (other.credential.agency === best.credential.agency && isNewer(other.credential, best.credential))
        best = other;
    }
    return { credential: best.credential, token: best.published.credential };
  }

  /** Drops requests whose time is over; returns their ids. */
  dropExpired(): string[] {
    const nowS = wallSeconds(this.clock);
    const gone = [...this.open.values()].filter((one) => one.request.exp <= nowS).map((one) => one.request.jti);
    for (const id of gone) {
      this.open.delete(id);
      this.handedOut.delete(id);
      this.refuse(id, 'consent_request_expired');
    }
    return gone;
  }

  /** Forgets everything: the device has another bridge or registry now. */
  clear(): void {
    this.open.clear();
    this.handedOut.clear();
    this.refusedAs.clear();
    this.cancelled.clear();
    this.list = null;
    this.whyNoList = NO_LIST;
  }
}

function isNewer(one: Credential, than: Credential): boolean {
  return one.revision > than.revision || (one.revision === than.revision && one.iat > than.iat);
}

/** Makes room for one more id: the oldest goes first. */
function makeRoom(ids: Set<string> | Map<string, ErrorCode>): void {
  const oldest = ids.keys().next();
  if (ids.size >= REMEMBERED_IDS_MAX && !oldest.done) ids.delete(oldest.value);
}
