// Publishes the area broker's retained documents: each cell's open requests with fresh credentials, and the registry's revocation list.
import { type Clock, type Timer, wallSeconds } from '@doorsill/base/clock';
import type { SigningKey } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { Repeater, type TryAgain } from '@doorsill/base/repeater';
import { type ErrorCode, isFailure } from '@doorsill/contract/errors';
import { signToken } from '@doorsill/contract/jws';
import { AreaDocument, type PublishedRequest } from '@doorsill/contract/request';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { topicsUnder } from '@doorsill/contract/topics';
import type { AgencyCredentials } from '../agencies/registry-credentials.ts';
import { assertEncrypted, type UnencryptedClips } from '../intake/unencrypted-clips.ts';
import { ALONE, type Turns } from '../persistence/instance-turns.ts';
import { type AreaPublisher, type CellContent, keptEnded, packParts, put, putParts } from './cell-document-parts.ts';
import { assertAnswerable } from './requests-for-intake.ts';
import type { RequestStore, StoredRequest } from './requests-store.ts';

export interface BoardDeps {
  clock: Clock;
  log: Log;
  key: SigningKey;
  store: RequestStore;
  standing: Pick<AgencyCredentials, 'revocations' | 'refreshRevocations' | 'credential' | 'assertGood'>;
  publisher: AreaPublisher;
  prefix: string;
  republishS: number;
  documentLifeS: number;
  revocationsEveryS: number;
  unencryptedClips: UnencryptedClips;
  /** Among several instances, so that an older document never replaces a newer one; absent: there is one. */
  turns?: Turns;
}

/** First and longest delay before documents that failed or were incomplete are published again; it doubles each time. */
const PUBLISH_AGAIN: TryAgain = { firstMs: 1_000, mostMs: 60_000 };

/** The registry's failures for an agency that has lost its access. */
const LOST_ACCESS: readonly ErrorCode[] = [
  'agency_refused',
  'agency_suspended',
  'agency_revoked',
  'agency_key_rotated',
];

export class AreaBoard {
  private readonly deps: BoardDeps;
  private readonly topics: ReturnType<typeof topicsUnder>;
  private readonly publishing: Repeater;
  /** Cells whose documents must change; null: all of them. */
  private due: Set<string> | null = new Set();
  /** Monotonic time at which all documents must be renewed. */
  private allDueMs = 0;
  /** Half-life of the last published revocation list, in seconds since 1970; 0 before the first. */
  private listIsOldS = 0;
  private readonly watching: Repeater;
  private completing: Timer | null = null;
  private completeInMs = PUBLISH_AGAIN.firstMs;
  private stopped = false;

  constructor(deps: BoardDeps) {
    this.deps = deps;
    this.topics = topicsUnder(deps.prefix);
    const untilAllMs = () => Math.max(0, this.allDueMs - deps.clock.monotonicMs());
    this.publishing = new Repeater(
      deps,
      'publish area documents',
      untilAllMs,
      () => this.publishInTurn(),
      PUBLISH_AGAIN,
    );
    this.watching = new Repeater(deps, 'watch revocations', deps.revocationsEveryS * 1000, () => this.watch());
  }

  start(): void {
    this.renewAllLater();
    this.publishing.start();
    this.watching.start();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.completing?.cancel();
    await this.watching.stop();
    await this.publishing.stop();
  }

  /** Publishes everything again, when agencies' rights have changed or the broker is back. Never rejects. */
  async refresh(): Promise<void> {
    this.due = null;
    await this.publishing.now();
  }

  /** Publishes the documents of cells whose requests have changed. Never rejects. */
  async refreshCells(cells: readonly string[]): Promise<void> {
    this.addDue(cells);
    await this.publishing.now();
  }

  /** Fetches the registry's list now, and publishes the consequences of a change. Never rejects. */
  async refreshRevocations(): Promise<void> {
    await this.watching.now();
  }

  private async watch(): Promise<void> {
    if (await this.deps.standing.refreshRevocations()) void this.refresh();
  }

  private addDue(cells: Iterable<string>): void {
    for (const cell of cells) this.due?.add(cell);
  }

  private renewAllLater(): void {
    this.allDueMs = this.deps.clock.monotonicMs() + this.deps.republishS * 1000;
  }

  private async publishInTurn(): Promise<void> {
    const { turns = ALONE, republishS, clock } = this.deps;
    const due = this.due;
    this.due = new Set();
    const isRegular = clock.monotonicMs() >= this.allDueMs;
    if (due?.size === 0 && !isRegular) return;
    // Also before a failure: that is retried after `PUBLISH_AGAIN`.
    if (due === null || isRegular) this.renewAllLater();
    try {
      if (due === null) await turns.run('area documents', () => this.publishAll());
      else if (due.size > 0) await turns.run('area documents', () => this.publishChanged([...due]));
      // Skipped if another instance has just renewed them.
      if (isRegular && due !== null) await turns.run('area documents', () => this.publishAll(), republishS);
    } catch (thrown) {
      if (due === null || isRegular) this.due = null;
      else this.addDue(due);
      throw thrown;
    }
  }

  private async publishAll(): Promise<void> {
    const { store, clock } = this.deps;
    // Repeated, because a broker can lose a retained message that it has acknowledged.
    this.publishRevocations();
    this.completeLater(await this.publishCells(await store.cellsToPublish(wallSeconds(clock))));
  }

  private async publishChanged(cells: readonly string[]): Promise<void> {
    // Homes answer no request without a valid list: an old one is published again first.
    if (wallSeconds(this.deps.clock) >= this.listIsOldS) this.publishRevocations();
    if (!(await this.publishCells(cells))) this.completeLater(false);
  }

  private publishRevocations(): void {
    const list = this.deps.standing.revocations;
    if (list === null) return;
    put(this.deps, this.topics.revocations, list.token);
    this.listIsOldS = list.claims.iat + (list.claims.exp - list.claims.iat) / 2;
  }

  /** Returns whether all requests could be published. */
  private async publishCells(cells: readonly string[]): Promise<boolean> {
    let isComplete = true;
    for (let at = 0; at < cells.length; at += CELLS_AT_ONCE) {
      const some = await this.publishSome(cells.slice(at, at + CELLS_AT_ONCE));
      isComplete &&= some;
    }
    return isComplete;
  }

  private async publishSome(cells: readonly string[]): Promise<boolean> {
    const { store, clock } = this.deps;
    const contents = new Map(cells.map((cell) => [cell, { entries: [] as PublishedRequest[], ended: [] as string[] }]));
    let isComplete = true;
    for (const request of await store.unexpiredIn(cells, wallSeconds(clock))) {
      const entry = await this.entryOf(request);
      isComplete &&= entry !== 'absent';
      if (entry === 'absent') continue;
      for (const cell of request.cells) {
        if (entry === 'cancelled') contents.get(cell)?.ended.push(request.request);
        else contents.get(cell)?.entries.push(entry);
      }
    }
    const before = await store.partsOf(cells);
    for (const [cell, content] of contents) await this.publishCell({ cell, ...content }, before.get(cell) ?? 0);
    return isComplete;
  }

  /** After an unreachable registry at the start, requests must not wait for the next regular turn. */
  private completeLater(isComplete: boolean): void {
    this.completing?.cancel();
    this.completing = null;
    if (isComplete) this.completeInMs = PUBLISH_AGAIN.firstMs;
    if (isComplete || this.stopped) return;
    this.completing = this.deps.clock.after(this.completeInMs, () => void this.refresh());
    this.completeInMs = Math.min(PUBLISH_AGAIN.mostMs, this.completeInMs * 2);
  }

  /** A request in its current form: with a fresh credential, cancelled, or absent while no credential is available. */
  private async entryOf(request: StoredRequest): Promise<PublishedRequest | 'cancelled' | 'absent'> {
    if (request.state !== 'published') return 'cancelled';
    try {
      assertAnswerable(request);
      const credential = await this.deps.standing.credential(request.agency);
      // An agency that may not ask some of the homes asks none: otherwise the area would show which homes are left out.
      this.deps.standing.assertGood(credential.claims, request.cells);
      const isEncrypted = credential.claims.sealing !== undefined;
      assertEncrypted(this.deps.unencryptedClips, isEncrypted, 'request_unencrypted');
      // The credential has the key of the request: the id is derived from it.
      return { request: request.token, credential: credential.token, publication: request.publication };
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      const { code } = thrown;
      // Cancelled for good: an agency that gets its access back must post again.
      const isLost = LOST_ACCESS.includes(code);
      const isAbsent = thrown.retryable && !isLost;
      const standing = isLost
        ? 'cancelled for good'
        : isAbsent
          ? 'left out for now, and tried again'
          : 'shown as cancelled';
      this.deps.log.warn(`a footage request cannot be published (see code): it is ${standing}`, {
        request: request.request,
        code,
      });
      if (isLost) await this.deps.store.cancel(request.request, code.replaceAll('_', '-'));
      return isAbsent ? 'absent' : 'cancelled';
    }
  }

  private async publishCell(content: CellContent<PublishedRequest>, before: number): Promise<void> {
    const { store, clock, key, documentLifeS } = this.deps;
    const parts = packParts(content, REQUESTS_PER_PART_MAX);
    const isEmpty = content.entries.length === 0 && content.ended.length === 0;
    const revision = await store.nextRevision(content.cell, isEmpty ? 0 : parts.length);
    const iat = wallSeconds(clock);
    const tokens = signParts(content, parts, { revision, iat, exp: iat + documentLifeS }, key);
    putParts(this.deps, (part) => this.topics.areaRequests(content.cell, part), tokens, before);
  }
}

/** Cells read at a time, which bounds the requests in memory. */
const CELLS_AT_ONCE = 200;

export const REQUESTS_PER_PART_MAX = 100;

/** Signs one token for each part, in order. */
export function signParts(
  content: CellContent<PublishedRequest>,
  parts: readonly PublishedRequest[][],
  stamp: { revision: number; iat: number; exp: number },
  key: { publicKey: string; sign(data: Uint8Array): Uint8Array },
): string[] {
  return parts.map((requests, at) => {
    const claims: AreaDocument = {
      iss: key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: stamp.iat,
      exp: stamp.exp,
      cell: content.cell,
      revision: stamp.revision,
      part: at + 1,
      parts: parts.length,
      requests,
      cancelled: at === 0 ? keptEnded(content) : [],
    };
    return signToken('doorsill-area+jws', AreaDocument.parse(claims), key);
  });
}
