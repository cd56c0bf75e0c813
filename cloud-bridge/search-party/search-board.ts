// Publishes the area broker's retained documents of searches: each cell's open searches with their photos, and those that ended.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { SigningKey } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { Repeater, type TryAgain } from '@doorsill/base/repeater';
import { signToken } from '@doorsill/contract/jws';
import { type PublishedSearch, Search, SearchDocument } from '@doorsill/contract/search';
import { LIFE_S_MAX, PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { topicsUnder } from '@doorsill/contract/topics';
import type { UnencryptedClips } from '../intake/unencrypted-clips.ts';
import { ALONE, type Turns } from '../persistence/instance-turns.ts';
import {
  type AreaPublisher,
  type CellContent,
  keptEnded,
  packParts,
  putParts,
} from '../requests/cell-document-parts.ts';
import { peekToken } from '../signing/verify-token.ts';
import type { SearchStore } from './search-party-store.ts';

export interface SearchBoardDeps {
  clock: Clock;
  log: Log;
  key: SigningKey;
  store: SearchStore;
  publisher: AreaPublisher;
  prefix: string;
  republishS: number;
  documentLifeS: number;
  unencryptedClips: UnencryptedClips;
  /** Among several instances, so that an older document never replaces a newer one; absent: there is one. */
  turns?: Turns;
}

const SEARCHES_PER_PART_MAX = 10;
/** First and longest delay before a failed publication is repeated. */
const PUBLISH_AGAIN: TryAgain = { firstMs: 1_000, mostMs: 60_000 };

export class SearchBoard {
  private readonly deps: SearchBoardDeps;
  private readonly topics: ReturnType<typeof topicsUnder>;
  private readonly publishing: Repeater;
  private hasChanged = false;

  constructor(deps: SearchBoardDeps) {
    this.deps = deps;
    this.topics = topicsUnder(deps.prefix);
    const work = () => this.publishInTurn();
    this.publishing = new Repeater(deps, 'publish searches', deps.republishS * 1000, work, PUBLISH_AGAIN);
  }

  start(): void {
    this.publishing.start();
  }

  async stop(): Promise<void> {
    await this.publishing.stop();
  }

  /** Publishes everything again, after a change or when the broker is back. Never rejects. */
  async refresh(): Promise<void> {
    this.hasChanged = true;
    await this.publishing.now();
  }

  private async publishInTurn(): Promise<void> {
    const { turns = ALONE, republishS } = this.deps;
    const { hasChanged } = this;
    this.hasChanged = false;
    try {
      await turns.run('search documents', () => this.publishAll(), hasChanged ? undefined : republishS);
    } catch (thrown) {
      this.hasChanged ||= hasChanged;
      throw thrown;
    }
  }

  private async publishAll(): Promise<void> {
    const { store, clock, unencryptedClips } = this.deps;
    const nowS = wallSeconds(clock);
    // Kept for the life of a grant after their end: clips may still arrive.
    await store.tidy(nowS, nowS - LIFE_S_MAX.grant);
    const cells = new Map<string, { entries: PublishedSearch[]; ended: string[] }>();
    const before = await store.publishedCells();
    for (const { cell } of before) cells.set(cell, { entries: [], ended: [] });
    for (const { search, token, publication, photo, state, cells: around } of await store.unexpired(nowS)) {
      // Posted before such clips were refused: no home is asked for one any more.
      const isRefused = unencryptedClips === 'refused' && peekToken(token, Search).sealing === undefined;
      for (const cell of around) {
        const content = cells.get(cell) ?? { entries: [], ended: [] };
        cells.set(cell, content);
        if (state === 'ended' || isRefused) content.ended.push(search);
        else content.entries.push({ search: token, publication, photo });
      }
    }
    const parts = new Map(before.map((known) => [known.cell, known.parts]));
    for (const [cell, content] of cells) await this.publishCell({ cell, ...content }, parts.get(cell) ?? 0);
  }

  private async publishCell(content: CellContent<PublishedSearch>, before: number): Promise<void> {
    const { store, clock, key, documentLifeS } = this.deps;
    const { cell } = content;
    const parts = packParts(content, SEARCHES_PER_PART_MAX);
    const isEmpty = content.entries.length === 0 && content.ended.length === 0;
    const revision = await store.nextRevision(cell, isEmpty ? 0 : parts.length);
    const iat = wallSeconds(clock);
    const tokens = parts.map((searches, at) => {
      const claims: SearchDocument = {
        iss: key.publicKey,
        aud: PUBLIC_AUDIENCE,
        iat,
        exp: iat + documentLifeS,
        cell,
        revision,
        part: at + 1,
        parts: parts.length,
        searches,
        ended: at === 0 ? keptEnded(content) : [],
      };
      return signToken('doorsill-search-area+jws', SearchDocument.parse(claims), key);
    });
    putParts(this.deps, (part) => this.topics.areaSearches(cell, part), tokens, before);
  }
}
