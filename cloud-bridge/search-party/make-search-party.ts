// Composes the bridge's Search Party: pet owners, their searches, the board, and its routes.
import type { Clock } from '@doorsill/base/clock';
import { type SigningKey, sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { failure } from '@doorsill/contract/errors';
import { recipientOf } from '@doorsill/contract/request-or-search';
import { Search } from '@doorsill/contract/search';
import type { Clips } from '../clips/clips.ts';
import type { EnrolmentStore } from '../enrolment/enrolment-store.ts';
import type { RateLimits } from '../http/rate-limits.ts';
import type { Router } from '../http/router.ts';
import type { AnswerableRequest, AnswerableStore } from '../intake/answerable-request.ts';
import type { UnencryptedClips } from '../intake/unencrypted-clips.ts';
import type { Turns } from '../persistence/instance-turns.ts';
import type { AreaPublisher } from '../requests/cell-document-parts.ts';
import { peekToken } from '../signing/verify-token.ts';
import { PhotoSanitizer } from './sanitize-photo.ts';
import { SearchBoard } from './search-board.ts';
import { searchRoutes } from './search-party-routes.ts';
import type { SearchRules } from './search-party-settings.ts';
import type { SearchStore } from './search-party-store.ts';
import { Searches } from './searches.ts';
import { PetOwnerVerifier } from './verify-pet-owner.ts';

class SearchesForIntake implements AnswerableStore {
  private readonly store: SearchStore;

  constructor(store: SearchStore) {
    this.store = store;
  }

  async find(search: string): Promise<AnswerableRequest> {
    const stored = await this.store.find(search);
    // Clips that were granted in time may arrive after the search has expired, but not after its poster ended it.
    if (stored?.state !== 'open' || stored.token === '') throw failure('request_not_live');
    const claims = peekToken(stored.token, Search);
    return {
      id: search,
      tokenSha256: stored.tokenSha256,
      recipient: recipientOf(claims, sha256Hex),
      window: claims.window,
      profile: claims.profile,
      expS: claims.exp,
      // A neighbour has no credential that could expire; the store checks again that the search is open.
      admit: async () => () => undefined,
    };
  }
}

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
  unencryptedClips: UnencryptedClips;
  limits: RateLimits;
  turns?: Turns;
}

export class SearchParty {
  /** Searches as intake needs them: requests that a clip may answer. */
  readonly answerables: SearchesForIntake;
  /** Verifies pets' owners who read clips granted to them. */
  readonly petOwners: PetOwnerVerifier;
  readonly board: SearchBoard;
  private readonly deps: SearchPartyDeps;

  constructor(deps: SearchPartyDeps) {
    this.deps = deps;
    this.answerables = new SearchesForIntake(deps.store);
    this.petOwners = new PetOwnerVerifier(deps);
    this.board = new SearchBoard(deps);
  }

  /** Adds the routes; `clips`: those granted to pets' owners. */
  addRoutes(api: Router, clips: Clips): void {
    const { petOwners, board, deps } = this;
    const photos = new PhotoSanitizer();
    const searches = new Searches({ ...deps, petOwners, photos, changed: () => void board.refresh() });
    searchRoutes(api, { searches, photos, clips, rules: deps.rules });
  }
}
