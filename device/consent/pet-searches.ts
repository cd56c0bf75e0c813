// Search Party's open searches and the sightings of their pets. Owners can answer only searches with a sighting here; other
// answers are refused like those to unknown requests. In memory.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { sha256Hex, verifySignature } from '@doorsill/base/keys';
import { assert } from '@doorsill/contract/assert';
import type { ErrorCode } from '@doorsill/contract/errors';
import type { Sighted, SightingNotice } from '@doorsill/contract/home-messages';
import { openSearch, type PublishedSearch, SEARCH_BACK_US_MAX, type SearchDocument } from '@doorsill/contract/search';
import {
  DISCLOSURE_PROFILES,
  type DisclosedValues,
  LIFE_S_MAX,
  partsInside,
  type Window,
} from '@doorsill/contract/shared-claims';
import type { Trust } from '@doorsill/contract/verify-published-request';
import type { HighWaterMarks } from '../ledger/high-water-marks.ts';
import { CellDocuments, openSearchDocument } from './area-documents.ts';
import type { GateDeps, ReceivedSearch } from './gate-interfaces.ts';
import type { Pins } from './gate-state.ts';

/** The result of accepting one document. */
export interface SearchNews {
  ended: readonly string[];
  /** Error codes of entries that were rejected. */
  refused: ErrorCode[];
}

const SEARCHES_MAX = 40;
const ENDED_MAX = 2_000;
/** Maximum number of sightings reported for one search (contract/home-messages.ts). */
const SIGHTED_MAX = 5;

export class PetSearches {
  private readonly deps: Pick<GateDeps, 'device'> & { values(): DisclosedValues };
  private readonly clock: Clock;
  private readonly documents: CellDocuments<SearchDocument>;
  private readonly open = new Map<string, ReceivedSearch>();
  private readonly sightings = new Map<string, Sighted[]>();
  private readonly ended = new Set<string>();

  /** `values`: the facts that the device can disclose now. */
  constructor(deps: GateDeps, values: () => DisclosedValues, marks: HighWaterMarks) {
    this.deps = { device: deps.device, values };
    this.clock = deps.clock;
    this.documents = new CellDocuments({ markKind: '/searches', open: openSearchDocument }, marks, deps);
  }

  /** Opens a part of the cell's document; null for a repeat of the accepted one. `consent_too_many`: rate limit. */
  openDocument(onPart: number, token: string, pins: Pins): SearchDocument | ErrorCode | null {
    return this.documents.open(onPart, token, pins);
  }

  /** Accepts an opened document. Searches missing from it stay open: only an explicit end closes one. */
  async takeDocument(document: SearchDocument, token: string, pins: Pins): Promise<SearchNews> {
    if (!(await this.documents.accept(document, token, pins))) return { ended: [], refused: ['consent_too_old'] };
    return this.acceptEntries(document, pins);
  }

  /** Open searches in order of arrival. */
  searches(): ReceivedSearch[] {
    return [...this.open.values()];
  }

  /** A search with its sightings here; null for one without. */
  sighted(id: string): { search: ReceivedSearch; sighted: readonly Sighted[] } | null {
    const [search, sighted] = [this.open.get(id), this.sightings.get(id)];
    return search && sighted ? { search, sighted } : null;
  }

  /** Ids of searches with a sighting here. */
  sightedIds(): string[] {
    return [...this.sightings.keys()];
  }

  hasEnded(id: string): boolean {
    return this.ended.has(id);
  }

  private acceptEntries(document: SearchDocument, trust: Trust): SearchNews {
    const news: SearchNews = { ended: document.ended, refused: [] };
    for (const id of document.ended) {
      const oldest = this.ended.keys().next();
      if (!this.ended.has(id) && this.ended.size >= ENDED_MAX && !oldest.done) this.ended.delete(oldest.value);
      this.ended.add(id);
      this.drop(id);
    }
    for (const published of document.searches) {
      const code = this.take(published, trust);
      if (code !== null) news.refused.push(code);
    }
    return news;
  }

  private take({ photo, ...papers }: PublishedSearch, trust: Trust): ErrorCode | null {
    const read = openSearch(papers, trust, { verify: verifySignature, sha256Hex });
    if (!read.ok) return read.code;
    const { jti, exp, iat, window } = read.opened.request;
    if (this.ended.has(jti)) return null;
    const known = this.open.get(jti);
    // The same id with different bytes: the first version stays, because an owner may be reading it.
    if (known) return known.requestSha256 === read.opened.requestSha256 ? null : 'consent_request_changed';
    if (exp <= wallSeconds(this.clock)) return 'consent_request_expired';
    const isBounded =
      exp - iat <= LIFE_S_MAX.search &&
      window.endUs <= exp * 1_000_000 &&
      window.startUs >= iat * 1_000_000 - SEARCH_BACK_US_MAX;
    if (!isBounded) return 'token_unknown_claims';
    if (this.open.size >= SEARCHES_MAX) return 'consent_too_many';
    this.open.set(jti, { ...read.opened, photo });
    return null;
  }

  /** The notice of a search with a sighting here, for the owners. */
  noticeOf(id: string): SightingNotice {
    const found = this.sighted(id);
    assert(found !== null, 'only a search with a sighting gets a notice');
    const values = this.deps.values();
    const asked = DISCLOSURE_PROFILES[found.search.request.profile];
    const held = asked.flatMap((key) => (values[key] === undefined ? [] : [[key, values[key]] as const]));
    return {
      device: this.deps.device.id,
      papers: found.search.papers,
      sighted: [...found.sighted],
      wouldDisclose: Object.fromEntries(held),
    };
  }

  /** Records a possible sighting of a search's pet; returns whether it is new. */
  recordSighting(id: string, seen: Sighted): boolean {
    const search = this.open.get(id);
    // Footage from before the pet was lost is not a sighting.
    const [window] = search ? partsInside([seen.window], search.request.window) : [];
    if (!window || seen.stillUs < window.startUs || seen.stillUs >= window.endUs) return false;
    const before = this.sightings.get(id) ?? [];
    if (before.some((one) => one.window.startUs === window.startUs)) return false;
    const sighted = { ...seen, window };
    const best = [...before, sighted].sort((one, other) => other.likeness - one.likeness).slice(0, SIGHTED_MAX);
    if (!best.includes(sighted)) return false;
    this.sightings.set(id, best);
    return true;
  }

  /** Drops sightings in a window, or all of them, because their footage was deleted. */
  forget(window: Window | undefined): void {
    for (const [id, before] of this.sightings) {
      const left = window ? before.filter((one) => partsInside([one.window], window).length === 0) : [];
      if (left.length > 0) this.sightings.set(id, left);
      else this.sightings.delete(id);
    }
  }

  /** Drops expired searches. */
  dropExpired(): void {
    const nowS = wallSeconds(this.clock);
    for (const [id, { request }] of this.open) if (request.exp <= nowS) this.drop(id);
  }

  /** Clears everything, for a home that left Search Party or a device with another bridge. */
  clear(): void {
    this.open.clear();
    this.sightings.clear();
    this.ended.clear();
    this.documents.clear();
  }

  private drop(id: string): void {
    this.open.delete(id);
    this.sightings.delete(id);
  }
}
