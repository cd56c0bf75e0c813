// Owns: taking in what the area link brings: opened, held against the marks, then believed; and the notices that follow.
// Not here: what is believed (area-view.ts), what becomes of grants (gate.ts).
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
import type { HighWaterMarks } from './marks.ts';
import { openAreaDocument, openRevocations } from './verify-area.ts';

/** Spans in one notice (protocol/home.ts). */
const COVERAGE_SPANS_MAX = 20;
export class AreaDesk {
  readonly view: AreaView;
  private readonly deps: GateDeps;
  private readonly marks: HighWaterMarks;
  private readonly documents: CellDocuments<AreaDocument>;
  private lastList = '';

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
    const { marks, view, deps } = this;
    const judged = openRevocations(token, pins.registryKey, marks.revocations, view.revocations, deps.clock);
    if (!judged.ok) return judged.code;
    return this.lastList === sha256Hex(token) ? null : judged.claims;
  }

  async takeList(list: Revocations, token: string): Promise<void> {
    if (list.revision < this.marks.revocations) return;
    this.lastList = sha256Hex(token);
    await this.marks.raiseRevocations(list.revision).catch((thrown: unknown) => this.markFailed(thrown));
    this.view.takeRevocations(list);
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
    this.view.clear();
  }

  private markFailed(thrown: unknown): void {
    this.deps.log.warn('a revision mark could not be stored', { error: String(thrown) });
  }
}
