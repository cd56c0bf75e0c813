// Owns: a search as something that owners may answer with a clip. Not here: how a clip is taken in (intake/).
import { sha256Hex } from '../../device/base/keys.ts';
import { failure } from '../../device/protocol/errors.ts';
import { recipientOf } from '../../device/protocol/request-or-search.ts';
import { searchSchema } from '../../device/protocol/search.ts';
import type { AnswerableRequest, AnswerableStore } from '../intake/answerable-request.ts';
import { peekToken } from '../signing/verify-token.ts';
import type { SearchStore } from './store.ts';

export class SearchesForIntake implements AnswerableStore {
  private readonly store: SearchStore;

  constructor(store: SearchStore) {
    this.store = store;
  }

  async find(search: string): Promise<AnswerableRequest> {
    const stored = await this.store.find(search);
    // Clips that were granted in time may come after the search is over, but not once the pet is found.
    if (stored?.state !== 'open' || stored.token === '') throw failure('request_not_live');
    const claims = peekToken(stored.token, searchSchema);
    return {
      id: search,
      tokenSha256: stored.tokenSha256,
      recipient: recipientOf(claims, sha256Hex),
      window: claims.window,
      profile: claims.profile,
      expS: claims.exp,
      // A neighbour has no credential that could expire; the store checks once more that the search is still open.
      admit: async () => () => undefined,
    };
  }
}
