// Owns: taking in one kind of a cell's documents part by part: opened, held against the marks, never the same one twice, and
// no faster than a card can bear. Not here: what a document says (area-desk.ts, search-desk.ts).
import type { Clock } from '../base/clock.ts';
import { sha256Hex } from '../base/keys.ts';
import type { Log } from '../base/log.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { Pins } from './gate-state.ts';
import type { HighWaterMarks } from './high-water-marks.ts';
import type { AreaExpectation, Judged } from './verify-area.ts';

/**
 * New documents that are taken in at once, and how many a second after that. Each is a durable write, and a bridge can sign
 * without end: it must wear out no card, nor keep the disk from footage. What is dropped comes again in minutes.
 */
const DOCUMENTS_BURST = 200;
const DOCUMENTS_PER_S = 1;

export interface CellDocumentsDeps<Document> {
  clock: Clock;
  log: Log;
  marks: HighWaterMarks;
  cell: string;
  /** Stands in the marks' names between cell and part. */
  markKind: string;
  open(onPart: number, token: string, expected: AreaExpectation, clock: Clock): Judged<Document>;
}

export class CellDocuments<Document extends { part: number; revision: number }> {
  private readonly deps: CellDocumentsDeps<Document>;
  /** The last document believed of each part, by hash: a broker that repeats it makes no work. */
  private readonly lastOfPart = new Map<number, string>();
  private budget = DOCUMENTS_BURST;
  private budgetMs: number;

  constructor(deps: CellDocumentsDeps<Document>) {
    this.deps = deps;
    this.budgetMs = deps.clock.monotonicMs();
  }

  /** Opens a part of the document; null when it is the one already taken in. `consent_too_many`: too fast. */
  open(onPart: number, token: string, pins: Pins): Document | ErrorCode | null {
    const { cell, clock, marks } = this.deps;
    const expected = {
      bridgeKey: pins.bridgeKey,
      cell,
      revisionOf: (part: number) => marks.area(this.markName(pins, part)),
    };
    const judged = this.deps.open(onPart, token, expected, clock);
    if (!judged.ok) return judged.code;
    if (this.lastOfPart.get(judged.claims.part) === sha256Hex(token)) return null;
    return this.isInTime() ? judged.claims : 'consent_too_many';
  }

  /**
   * Whether an opened document is to be believed: a newer one may have been since. The mark may fail to become durable on a
   * full disk; the document counts all the same.
   */
  async accept(document: Document, token: string, pins: Pins): Promise<boolean> {
    const { marks, log } = this.deps;
    const name = this.markName(pins, document.part);
    if (document.revision < marks.area(name)) return false;
    await marks.raiseArea(name, document.revision).catch((thrown: unknown) => {
      log.warn('a revision mark could not be stored', { error: String(thrown) });
    });
    this.lastOfPart.set(document.part, sha256Hex(token));
    return true;
  }

  clear(): void {
    this.lastOfPart.clear();
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

  private markName(pins: Pins, part: number): string {
    return `${pins.bridge}/${this.deps.cell}${this.deps.markKind}/${part}`;
  }
}
