// Owns: taking in what the area link brings: opened, held against the marks, then believed; and the notices that follow.
// Not here: what is believed (area-view.ts), what becomes of grants (gate.ts).
import { isNoSpace } from '../base/disk.ts';
import { sha256Hex } from '../base/keys.ts';
import { cellOf } from '../protocol/area.ts';
import { DISCLOSURE_PROFILES, type DisclosureKey } from '../protocol/claims.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { RequestNotice } from '../protocol/home.ts';
import type { OpenedRequest } from '../protocol/published.ts';
import type { AreaDocument, Revocations } from '../protocol/request.ts';
import { type AreaNews, AreaView } from './area-view.ts';
import { CellDocuments } from './cell-documents.ts';
import type { GateDeps, GateLimits } from './gate-effects.ts';
import type { Pins } from './gate-state.ts';
import type { HighWaterMarks } from './high-water-marks.ts';
import { openAreaDocument, openRevocations } from './verify-area.ts';

/** Spans in one notice (protocol/home.ts). */
const COVERAGE_SPANS_MAX = 20;
export class AreaDesk {
  readonly view: AreaView;
  /** Whether the mark of the newest list could be stored. */
  storage: 'ok' | 'full' | 'failed' = 'ok';
  private readonly deps: GateDeps;
  private readonly marks: HighWaterMarks;
  private readonly documents: CellDocuments<AreaDocument>;
  private lastList = '';
  /** The list whose mark the disk has not taken yet. */
  private unmarked: { list: Revocations; token: string } | null = null;

  constructor(deps: GateDeps, limits: GateLimits, marks: HighWaterMarks) {
    this.deps = deps;
    this.marks = marks;
    const { clock, log, place } = deps;
    this.documents = new CellDocuments({
      ...{ clock, log, marks, cell: cellOf(place), markKind: '', open: openAreaDocument },
    });
    this.view = new AreaView(
      {
        place: deps.place,
        serveStateAgencies: deps.serveStateAgencies ?? false,
        openRequestsMax: limits.openRequestsMax,
        clockTrusted: () => marks.clockTrusted(),
      },
      deps.clock,
    );
  }

  /** Opens a part of the area document; null when it is the one already taken in. `consent_too_many`: too fast. */
  openDocument(onPart: number, token: string, pins: Pins): AreaDocument | ErrorCode | null {
    return this.documents.open(onPart, token, pins);
  }

  /** Believes an opened document. */
  async takeDocument(document: AreaDocument, token: string, pins: Pins): Promise<AreaNews> {
    if (!(await this.documents.accept(document, token, pins))) return { cancelled: [], refused: ['consent_too_old'] };
    return this.view.takeDocument(document, pins);
  }

  /** Opens a revocation list; null when it is the one already taken in. */
  openList(token: string, pins: Pins): Revocations | ErrorCode | null {
    const { marks, view, deps, unmarked } = this;
    const newest = unmarked?.list ?? view.revocations;
    const judged = openRevocations(token, pins.registryKey, marks.revocations, newest, deps.clock);
    if (!judged.ok) return judged.code;
    return this.lastList === sha256Hex(token) ? null : judged.claims;
  }

  /**
   * Believes an opened list once its mark is durable: else a restart could bring an older one back. Until then no list is
   * believed, so that nothing is granted and nothing leaves; `retryList` tries again.
   */
  async takeList(list: Revocations, token: string): Promise<void> {
    // A newer one may have come while this one waited for its turn, or wait for its mark.
    if (list.revision < Math.max(this.marks.revocations, this.unmarked?.list.revision ?? 0)) return;
    this.unmarked = { list, token };
    await this.retryList();
  }

  /** Believes the list that waits for its mark, if the disk takes the mark now. */
  async retryList(): Promise<void> {
    const { unmarked } = this;
    if (!unmarked) return;
    try {
      await this.marks.raiseRevocations(unmarked.list.revision);
    } catch (thrown) {
      this.storage = isNoSpace(thrown) ? 'full' : 'failed';
      this.view.dropRevocations();
      this.deps.effects.changed();
      this.deps.log.warn('a revocation list is not believed: its mark could not be stored', { error: String(thrown) });
      return;
    }
    this.unmarked = null;
    this.storage = 'ok';
    this.lastList = sha256Hex(unmarked.token);
    this.view.takeRevocations(unmarked.list);
  }

  /** What the owner is shown of a request. */
  noticeOf(opened: OpenedRequest): RequestNotice {
    const values = this.deps.values();
    const askedKeys: DisclosureKey[] = [...DISCLOSURE_PROFILES[opened.request.profile]];
    const held = askedKeys.flatMap((key) => (values[key] === undefined ? [] : [[key, values[key]] as const]));
    return {
      device: this.deps.device.id,
      published: { ...opened.published, credential: this.view.newestCredential(opened).token },
      wouldDisclose: Object.fromEntries(held),
      askedKeys,
      coverage: this.deps.footage.coverage(opened.request.window).slice(-COVERAGE_SPANS_MAX),
    };
  }

  clear(): void {
    this.documents.clear();
    this.lastList = '';
    this.unmarked = null;
    this.storage = 'ok';
    this.view.clear();
  }
}
