// Opening and checking the area link's signed documents: area and search documents of a cell, and the registry's revocation list.
// Documents are read against high-water marks, repeats are skipped, and new ones are rate-limited to spare the flash card.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { sha256Hex, verifySignature } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { TaskQueue } from '@doorsill/base/task-queue';
import { cellOf } from '@doorsill/contract/area-cells';
import { type ErrorCode, TOKEN_FAULT_CODES } from '@doorsill/contract/errors';
import { openToken, type TokenType } from '@doorsill/contract/jws';
import { CLOCK_SKEW_S_MAX } from '@doorsill/contract/owner-orders';
import { AreaDocument, Revocations } from '@doorsill/contract/request';
import { SearchDocument } from '@doorsill/contract/search';
import { LIFE_S_MAX, PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import type { z } from 'zod';
import type { HighWaterMarks } from '../ledger/high-water-marks.ts';
import type { GateDeps } from './gate-interfaces.ts';
import type { Pins } from './gate-state.ts';

/**
 * Burst size and rate per second for new documents. Each is a durable write, and a bridge can sign without limit: it must
 * neither wear out the flash card nor block footage from the disk. A dropped document is published again within minutes.
 */
const DOCUMENTS_BURST = 200;
const DOCUMENTS_PER_S = 1;

/** One of the cell's two documents: its name in the marks, and the function that opens it. */
export interface DocumentKind<Document> {
  /** Stands between cell and part in a mark's name. */
  markKind: string;
  open(onPart: number, token: string, expected: AreaExpectation, clock: Clock): Judged<Document>;
}

export class CellDocuments<Document extends { part: number; revision: number }> {
  private readonly kind: DocumentKind<Document>;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly marks: HighWaterMarks;
  private readonly cell: string;
  /** Hash of the last accepted document of each part: a repeat from the broker is skipped. */
  private readonly lastOfPart = new Map<number, string>();
  private budget = DOCUMENTS_BURST;
  private budgetMs: number;

  constructor(
    kind: DocumentKind<Document>,
    marks: HighWaterMarks,
    { clock, log, place }: Pick<GateDeps, 'clock' | 'log' | 'place'>,
  ) {
    this.kind = kind;
    this.clock = clock;
    this.log = log;
    this.marks = marks;
    this.cell = cellOf(place);
    this.budgetMs = clock.monotonicMs();
  }

  /** Opens a part of the document; null for a repeat of the accepted one. `consent_too_many`: rate limit. */
  open(onPart: number, token: string, pins: Pins): Document | ErrorCode | null {
    const { cell, clock, marks } = this;
    const expected = {
      bridgeKey: pins.bridgeKey,
      cell,
      revisionOf: (part: number) => marks.area(this.markName(pins, part)),
    };
    const judged = this.kind.open(onPart, token, expected, clock);
    if (!judged.ok) return judged.code;
    if (this.lastOfPart.get(judged.claims.part) === sha256Hex(token)) return null;
    return this.takeFromBudget() ? judged.claims : 'consent_too_many';
  }

  /**
   * Accepts an opened document and returns true, unless a newer one was accepted since. A full disk may prevent its mark from
   * becoming durable; the document is accepted even then.
   */
  async accept(document: Document, token: string, pins: Pins): Promise<boolean> {
    const { marks, log } = this;
    const name = this.markName(pins, document.part);
    if (document.revision < marks.area(name)) return false;
    await marks.raiseArea(name, document.revision).catch((thrown: unknown) => {
      log.warn(
        'the number of an area document could not be stored; the document is used all the same (check the disk)',
        { error: String(thrown) },
      );
    });
    this.lastOfPart.set(document.part, sha256Hex(token));
    return true;
  }

  clear(): void {
    this.lastOfPart.clear();
  }

  private takeFromBudget(): boolean {
    const nowMs = this.clock.monotonicMs();
    const grownBy = ((nowMs - this.budgetMs) / 1_000) * DOCUMENTS_PER_S;
    this.budgetMs = nowMs;
    this.budget = Math.min(DOCUMENTS_BURST, this.budget + grownBy);
    if (this.budget < 1) return false;
    this.budget -= 1;
    return true;
  }

  private markName(pins: Pins, part: number): string {
    return `${pins.bridge}/${this.cell}${this.kind.markKind}/${part}`;
  }
}

/** A document whose signature was verified, and the pins that it was verified with. */
export interface VerifiedDocument<Document> {
  document: Document;
  token: string;
  pins: Pins;
}

/**
 * Processes documents one after the other. Of the waiting ones only the newest of each part is kept: it replaces the older ones,
 * and a device slower than its bridge must not keep all of them in memory.
 */
export class DocumentQueue<Document extends { part: number; revision: number }> {
  private readonly run: TaskQueue['run'];
  private readonly take: (newest: VerifiedDocument<Document>) => Promise<void>;
  private readonly waiting = new Map<number, { newest: VerifiedDocument<Document>; done: Promise<void> }>();

  constructor(queue: TaskQueue, take: (newest: VerifiedDocument<Document>) => Promise<void>) {
    this.run = queue.run.bind(queue);
    this.take = take;
  }

  /** Whether a document of this part is waiting: another one then replaces it and takes no more room. */
  waits(part: number): boolean {
    return this.waiting.has(part);
  }

  /** Resolves once this document, or a newer one in its place, was processed; null when it is older than the waiting one. */
  add(verified: VerifiedDocument<Document>): Promise<void> | null {
    const { part, revision } = verified.document;
    const before = this.waiting.get(part);
    if (before) {
      const { pins, document } = before.newest;
      if (verified.pins === pins && revision < document.revision) return null;
      before.newest = verified;
      return before.done;
    }
    const turn = { newest: verified, done: Promise.resolve() };
    this.waiting.set(part, turn);
    turn.done = this.run(async () => {
      this.waiting.delete(part);
      await this.take(turn.newest);
    });
    return turn.done;
  }
}

export type Judged<Claims> = { ok: true; claims: Claims } | { ok: false; code: ErrorCode };

/** The pinned bridge, this home's cell, and the accepted revisions, which an area document must match. */
export interface AreaExpectation {
  bridgeKey: string;
  cell: string;
  /** Highest accepted revision of a part. */
  revisionOf: (part: number) => number;
}

/** Opens the area document received on the cell's topic for part `onPart`. An older revision is refused with `consent_too_old`. */
export function openAreaDocument(
  onPart: number,
  token: string,
  expected: AreaExpectation,
  clock: Clock,
): Judged<AreaDocument> {
  return openPart({ typ: 'doorsill-area+jws', schema: AreaDocument }, onPart, token, expected, clock);
}

/** Opens the cell's document of searches in the same way. */
export function openSearchDocument(
  onPart: number,
  token: string,
  expected: AreaExpectation,
  clock: Clock,
): Judged<SearchDocument> {
  return openPart({ typ: 'doorsill-search-area+jws', schema: SearchDocument }, onPart, token, expected, clock);
}

type PartClaims = Pick<AreaDocument, 'iss' | 'aud' | 'cell' | 'part' | 'parts' | 'revision' | 'iat' | 'exp'>;

function openPart<Claims extends PartClaims>(
  of: { typ: TokenType; schema: z.ZodType<Claims> },
  onPart: number,
  token: string,
  expected: AreaExpectation,
  clock: Clock,
): Judged<Claims> {
  const keys = [expected.bridgeKey];
  const opened = openToken(token, { ...of, audience: PUBLIC_AUDIENCE, keys, verify: verifySignature });
  if (!opened.ok) return { ok: false, code: TOKEN_FAULT_CODES[opened.fault] };
  const { cell, part, parts, revision, iat, exp } = opened.claims;
  const nowS = wallSeconds(clock);
  if (cell !== expected.cell || part !== onPart || part > parts) {
    return { ok: false, code: 'message_topic_mismatch' };
  }
  if (iat > nowS + CLOCK_SKEW_S_MAX) return { ok: false, code: 'consent_not_yet_valid' };
  if (exp <= nowS) return { ok: false, code: 'token_expired' };
  if (revision < expected.revisionOf(part)) return { ok: false, code: 'consent_too_old' };
  return { ok: true, claims: opened.claims };
}

/**
 * Opens a revocation list. A revision older than the accepted one is refused with `consent_too_old`, and so is an equal
 * one signed earlier than the current list; a list with a lifetime over a day is refused, because a device cut off from
 * newer ones would trust it for all that time.
 */
export function openRevocations(
  token: string,
  registryKey: string,
  revisionSeen: number,
  held: Revocations | null,
  clock: Clock,
): Judged<Revocations> {
  const opened = openToken(token, {
    typ: 'doorsill-revocations+jws',
    schema: Revocations,
    audience: PUBLIC_AUDIENCE,
    keys: [registryKey],
    verify: verifySignature,
  });
  if (!opened.ok) return { ok: false, code: TOKEN_FAULT_CODES[opened.fault] };
  const { revision, iat, exp } = opened.claims;
  const nowS = wallSeconds(clock);
  if (revision < revisionSeen || (held && revision === held.revision && iat < held.iat)) {
    return { ok: false, code: 'consent_too_old' };
  }
  if (iat > nowS + CLOCK_SKEW_S_MAX) return { ok: false, code: 'consent_not_yet_valid' };
  if (exp <= nowS) return { ok: false, code: 'token_expired' };
  if (exp - iat > LIFE_S_MAX.credential) return { ok: false, code: 'token_unknown_claims' };
  return { ok: true, claims: opened.claims };
}
