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
import type { GateDeps, GateLimits } from './gate-effects.ts';
import type { Pins } from './gate-state.ts';
import type { HighWaterMarks } from './marks.ts';
import { openAreaDocument, openRevocations } from './verify-area.ts';

/** Spans in one notice (protocol/home.ts). */
const COVERAGE_SPANS_MAX = 20;
/**
 * New documents that are taken in at once, and how many a second after that. Each is a durable write, and a bridge can sign
 * without end: it must wear out no card, nor keep the disk from footage. What is dropped comes again in minutes.
 */
const DOCUMENTS_BURST = 200;
const DOCUMENTS_PER_S = 1;

export class AreaDesk {
  readonly view: AreaView;
  private readonly deps: GateDeps;
  private readonly marks: HighWaterMarks;
  /** The last document believed of each part, by hash: a broker that repeats it makes no work. */
  private readonly lastOfPart = new Map<number, string>();
  private lastList = '';
  private budget = DOCUMENTS_BURST;
  private budgetMs: number;

  constructor(deps: GateDeps, limits: GateLimits, marks: HighWaterMarks) {
    this.deps = deps;
    this.marks = marks;
    this.budgetMs = deps.clock.monotonicMs();
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
    const expected = {
      bridgeKey: pins.bridgeKey,
      cell: cellOf(this.deps.place),
      revisionOf: (part: number) => this.marks.area(this.markName(pins, part)),
    };
    const judged = openAreaDocument(onPart, token, expected, this.deps.clock);
    if (!judged.ok) return judged.code;
    if (this.lastOfPart.get(judged.claims.part) === sha256Hex(token)) return null;
    return this.isInTime() ? judged.claims : 'consent_too_many';
  }

  private isInTime(): boolean {
    const nowMs = this.deps.clock.monotonicMs();
    const grownBy = ((nowMs - this.budgetMs) / 1_000) * DOCUMENTS_PER_S;
    this.budgetMs = nowMs;
    this.budget = Math.min(DOCUMENTS_BURST, this.budget + grownBy);
    if (this.budget < 1) return false;
    this.budget -= 1;
    return true;
  }

  /** Believes an opened document. The mark may fail to become durable on a full disk; cancellations count all the same. */
  async takeDocument(document: AreaDocument, token: string, pins: Pins): Promise<AreaNews> {
    const name = this.markName(pins, document.part);
    if (document.revision < this.marks.area(name)) return { cancelled: [], refused: ['consent_too_old'] };
    await this.marks.raiseArea(name, document.revision).catch((thrown: unknown) => this.markFailed(thrown));
    this.lastOfPart.set(document.part, sha256Hex(token));
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
    this.lastOfPart.clear();
    this.lastList = '';
    this.view.clear();
  }

  private markName(pins: Pins, part: number): string {
    return `${pins.bridge}/${cellOf(this.deps.place)}/${part}`;
  }

  private markFailed(thrown: unknown): void {
    this.deps.log.warn('a revision mark could not be stored', { error: String(thrown) });
  }
}
