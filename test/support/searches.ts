// What a cast signs of Search Party: searches, their publication and documents, valid unless a test says otherwise.

import { sha256Hex } from '../../device/base/keys.ts';
import { freshId, type Random, SystemRandom } from '../../device/base/random.ts';
import { toBase64url } from '../../device/contract/bytes.ts';
import type { Grant } from '../../device/contract/owner-orders.ts';
import type { PublishedSearch, Search, SearchAction, SearchDocument } from '../../device/contract/search.ts';
import { PUBLIC_AUDIENCE } from '../../device/contract/shared-claims.ts';
import { type Cast, claimsOf, makeParty, type Party, textClaim } from './parties.ts';

/** The smallest thing that is a plain JPEG by its structure; no decoder makes a picture of it. */
export const BARE_JPEG = new Uint8Array([
  ...[0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 32, 0, 32, 1, 1, 0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0x3f, 0, 1, 2, 3],
  ...[0xff, 0xd9],
]);

export class Searching {
  readonly cast: Cast;
  /** Who has lost a pet. */
  readonly poster: Party;

  private readonly random: Random;

  constructor(cast: Cast, random: Random = new SystemRandom()) {
    this.cast = cast;
    this.random = random;
    this.poster = makeParty('owner', random);
  }

  search(changes: Partial<Search> = {}, by: Party = this.poster): string {
    const { cast } = this;
    const iat = cast.nowS();
    const exp = iat + 6 * 3600;
    const claims: Search = {
      iss: by.key.publicKey,
      aud: cast.bridge.id,
      iat,
      exp,
      jti: freshId(this.random, 'search'),
      kind: 'dog',
      text: 'Brown, red collar.',
      photoSha256: sha256Hex(BARE_JPEG),
      cell: cast.cell,
      window: { startUs: (iat - 3600) * 1_000_000, endUs: exp * 1_000_000 },
      profile: 'nothing',
      ...changes,
    };
    return cast.sign('doorsill-search+jws', claims, by);
  }

  publication(token: string, changes: object = {}, by: Party = this.cast.bridge): string {
    const claims = {
      iss: by.key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: this.cast.nowS(),
      search: textClaim(token, 'jti'),
      searchSha256: sha256Hex(token),
      ...changes,
    };
    return this.cast.sign('doorsill-search-publication+jws', claims, by);
  }

  published(token = this.search(), photo: Uint8Array = BARE_JPEG): PublishedSearch {
    return { search: token, publication: this.publication(token), photo: toBase64url(photo) };
  }

  document(searches: PublishedSearch[], changes: Partial<SearchDocument> = {}, by: Party = this.cast.bridge): string {
    const iat = this.cast.nowS();
    const claims: SearchDocument = {
      iss: by.key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat,
      exp: iat + 3600,
      cell: this.cast.cell,
      revision: 1,
      part: 1,
      parts: 1,
      searches,
      ended: [],
      ...changes,
    };
    return this.cast.sign('doorsill-search-area+jws', claims, by);
  }

  /** An owner's consent to one clip for who searches. */
  grant(token: string, changes: Partial<Grant> = {}, by: Party = this.cast.owner): string {
    const key = String(claimsOf(token)['iss']);
    const endUs = this.cast.nowS() * 1_000_000 - 60_000_000;
    const window = { startUs: endUs - 5_000_000, endUs };
    return this.cast.grant(token, { recipient: { kind: 'neighbor', key }, window, disclose: [], ...changes }, by);
  }

  call(call: SearchAction, by: Party = this.poster, changes: object = {}): string {
    const iat = this.cast.nowS();
    const claims = {
      iss: by.key.publicKey,
      aud: this.cast.bridge.id,
      iat,
      exp: iat + 120,
      jti: freshId(this.random, 'call'),
    };
    return this.cast.sign('doorsill-search-call+jws', { ...claims, call, ...changes }, by);
  }
}
