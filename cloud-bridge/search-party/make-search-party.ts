// Owns: the composition of the bridge's Search Party: who posts, what they post, the board, and its routes.
// Not here: how clips that answer a search come in (intake/), how they are read (clips/).
import type { Clock } from '../../device/base/clock.ts';
import type { SigningKey } from '../../device/base/keys.ts';
import type { Log } from '../../device/base/log.ts';
import type { Clips } from '../clips/clips.ts';
import type { EnrolmentStore } from '../enrolment/store.ts';
import type { RateLimits } from '../http/rate-limits.ts';
import type { Router } from '../http/router.ts';
import type { Turns } from '../persistence/instance-turns.ts';
import type { AreaPublisher } from '../requests/cell-document-parts.ts';
import { searchRoutes } from './routes.ts';
import { Photos } from './sanitize-photo.ts';
import { SearchBoard } from './search-board.ts';
import { Searches } from './searches.ts';
import { SearchesForIntake } from './searches-for-intake.ts';
import type { SearchRules } from './settings.ts';
import type { SearchStore } from './store.ts';
import { Posters } from './verify-pet-owner.ts';

export interface SearchPartyDeps {
  clock: Clock;
  log: Log;
  key: SigningKey;
  bridgeId: string;
  store: SearchStore;
  enrolments: EnrolmentStore;
  publisher: AreaPublisher;
  prefix: string;
  republishS: number;
  documentLifeS: number;
  rules: SearchRules;
  limits: RateLimits;
  turns?: Turns;
}

export class SearchParty {
  /** Searches in the form that intake needs: something that a clip may answer. */
  readonly asks: SearchesForIntake;
  /** Verifies readers of clips that were granted to pets' owners. */
  readonly posters: Posters;
  readonly board: SearchBoard;
  private readonly deps: SearchPartyDeps;

  constructor(deps: SearchPartyDeps) {
    this.deps = deps;
    this.asks = new SearchesForIntake(deps.store);
    this.posters = new Posters(deps);
    this.board = new SearchBoard(deps);
  }

  /** Adds the routes; `clips` are those that were granted to pets' owners. */
  addRoutes(api: Router, clips: Clips): void {
    const { posters, board, deps } = this;
    const photos = new Photos();
    const searches = new Searches({ ...deps, posters, photos, changed: () => void board.refresh() });
    searchRoutes(api, { searches, photos, clips, rules: deps.rules });
  }
}
