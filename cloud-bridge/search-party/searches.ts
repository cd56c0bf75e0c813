// Takes, countersigns and ends a pet owner's search. Nobody, its poster included, learns whether any home looked.

import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { type SigningKey, sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { cellsAround } from '@doorsill/contract/area-cells';
import { fromBase64url } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { askKindOf, idSchema } from '@doorsill/contract/ids';
import { signToken } from '@doorsill/contract/jws';
import { CLOCK_SKEW_S_MAX } from '@doorsill/contract/owner-orders';
import { plainJpegSize } from '@doorsill/contract/plain-jpeg';
import {
  claimedSigner,
  PHOTO_BYTES_MAX,
  PHOTO_SIDE_MAX,
  SEARCH_BACK_US_MAX,
  Search,
  searchPublicationSchema,
} from '@doorsill/contract/search';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { z } from 'zod';
import type { RateLimit, RateLimits } from '../http/rate-limits.ts';
import { assertEncrypted, type UnencryptedClips } from '../intake/unencrypted-clips.ts';
import { readToken } from '../signing/verify-token.ts';
import type { PhotoSanitizer } from './sanitize-photo.ts';
import type { SearchRules } from './search-party-settings.ts';
import type { AddSearchOutcome, SearchLimits, SearchStore, StoredSearch } from './search-party-store.ts';
import type { PetOwnerVerifier } from './verify-pet-owner.ts';

export interface SearchesDeps {
  clock: Clock;
  log: Log;
  key: SigningKey;
  bridgeId: string;
  store: SearchStore;
  petOwners: PetOwnerVerifier;
  photos: PhotoSanitizer;
  rules: SearchRules;
  unencryptedClips: UnencryptedClips;
  limits: RateLimits;
  /** Called when the board must change; need not be awaited. */
  changed: () => void;
}

/** All that a poster learns about a search. */
export const SearchPostedView = z.strictObject({
  search: idSchema,
  state: z.enum(['open', 'ended', 'expired']),
  expiresS: z.int(),
});
export type SearchPostedView = z.infer<typeof SearchPostedView>;

/** Photos that one home may have sanitised in an hour. */
const PHOTOS_PER_HOUR = 30;
const HOUR_MS = 3_600_000;

const WHY: Readonly<Record<Exclude<AddSearchOutcome, 'added' | 'same'>, string>> = {
  'other-content': 'another search has this id',
  'too-many-open': 'this home has an open search; end that one first',
  'too-many-posts': 'this home has used up its posts of the day',
  'cell-full': 'too many searches are open in that area',
};

export class Searches {
  private readonly deps: SearchesDeps;
  private readonly photosOfHome: RateLimit;

  constructor(deps: SearchesDeps) {
    this.deps = deps;
    this.photosOfHome = deps.limits.limit('photos of a home', PHOTOS_PER_HOUR, HOUR_MS);
  }

  /** Checks that a poster may have a photo sanitised. Throws `token_...`, `search_poster_unknown`, `http_rate_limited`. */
  async admitPhoto(bearer: string): Promise<void> {
    const { key, call } = this.deps.petOwners.readCall(bearer, 'photo');
    const home = await this.deps.petOwners.homeOf(key, call.pairing);
    await this.photosOfHome.take(home);
  }

  /**
   * Posts a search with its sanitised photo; the same bytes again change nothing. Throws `token_...`, `id_kind_wrong`,
   * `search_poster_unknown`, `search_photo_invalid`, `search_limits`, `search_unencrypted`.
   */
  async post(token: string, photo: string, pairing: string): Promise<SearchPostedView> {
    const { clock, store, petOwners, key, log, unencryptedClips } = this.deps;
    const pinned = { typ: 'doorsill-search+jws', schema: Search, audience: this.deps.bridgeId } as const;
    const search = readToken(token, { ...pinned, keys: claimedSigner(token) });
    if (askKindOf(search.jti) !== 'search') throw failure('id_kind_wrong');
    const device = await petOwners.homeOf(search.iss, pairing);
    const nowS = wallSeconds(clock);
    assertEncrypted(unencryptedClips, search.sealing !== undefined, 'search_unencrypted');
    this.assertAllowed(search, nowS);
    assertPlain(photo, search);
    const tokenSha256 = sha256Hex(token);
    const publication = {
      iss: key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: nowS,
      search: search.jti,
      searchSha256: tokenSha256,
    };
    const stored: StoredSearch = {
      search: search.jti,
      device,
      posterKey: search.iss,
      token,
      tokenSha256,
      photo,
      publication: signToken('doorsill-search-publication+jws', searchPublicationSchema.parse(publication), key),
      cells: cellsAround(search.cell),
      state: 'open',
      postedS: nowS,
      expiresS: search.exp,
    };
    const outcome = await store.add(stored, this.limits(nowS));
    if (outcome !== 'added' && outcome !== 'same') throw failure('search_limits', { detail: WHY[outcome] });
    if (outcome === 'added') {
      log.info('a search for a pet is open and will be published to the homes around', { search: search.jti });
      this.deps.changed();
    }
    return this.viewOf((await store.find(search.jti)) ?? stored);
  }

  /** Ends the caller's own search; a repeat changes nothing. Throws `token_...`, `search_not_open`. */
  async end(search: string, bearer: string): Promise<SearchPostedView> {
    const { key, call } = this.deps.petOwners.readCall(bearer, 'end');
    const stored = await this.deps.store.find(search);
    if (call.search !== search || stored?.posterKey !== key) throw failure('search_not_open');
    if (await this.deps.store.end(search)) this.deps.changed();
    return this.viewOf({ ...stored, state: 'ended' });
  }

  private limits(nowS: number): SearchLimits {
    const { openPerHome: openPerHomeMax, postsPerDay: postsPerDayMax, openPerCellMax } = this.deps.rules;
    return { openPerHomeMax, postsPerDayMax, openPerCellMax, nowS };
  }

  private assertAllowed({ iat, exp, window }: Search, nowS: number): void {
    const refuse = (detail: string) => failure('search_limits', { detail });
    const { lifeSMax } = this.deps.rules;
    if (iat > nowS + CLOCK_SKEW_S_MAX || iat < nowS - CLOCK_SKEW_S_MAX) throw refuse('it is not dated now');
    if (exp <= nowS || exp - iat > lifeSMax) throw refuse(`a search lives ${lifeSMax} s at most`);
    if (window.endUs > exp * 1_000_000 || window.startUs < iat * 1_000_000 - SEARCH_BACK_US_MAX)
      throw refuse('it looks back further than a day, or beyond its end');
  }

  private viewOf({ search, state, expiresS }: StoredSearch): SearchPostedView {
    const isOver = state === 'open' && expiresS <= wallSeconds(this.deps.clock);
    return { search, state: isOver ? 'expired' : state, expiresS };
  }
}

/** The photo must be the one that was signed, and hold nothing but a picture. */
function assertPlain(photo: string, { photoSha256 }: Search): void {
  const refuse = (detail: string) => failure('search_photo_invalid', { detail });
  const bytes = fromBase64url(photo);
  if (!bytes || bytes.length > PHOTO_BYTES_MAX) throw refuse(`it has more than ${PHOTO_BYTES_MAX} bytes`);
  const size = plainJpegSize(bytes);
  if (!size || Math.max(size.width, size.height) > PHOTO_SIDE_MAX)
    throw refuse('it is not a plain picture; have it sanitised first');
  if (sha256Hex(bytes) !== photoSha256) throw refuse('it is not the one that was signed');
}
