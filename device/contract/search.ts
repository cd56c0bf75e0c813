// The messages of Search Party, in which the owner of a lost pet (the poster) asks homes for footage of it: the search, its publication by
// the bridge, the document of all open searches in a map cell, and the poster's calls. Agencies' requests have messages of their own.
import { z } from 'zod';
import { CELL_LETTERS } from './area-cells.ts';
import { type ErrorCode, TOKEN_FAULT_CODES } from './errors.ts';
import { actorId, askKindOf, idSchema, sha256Schema } from './ids.ts';
import { openToken, parseToken } from './jws.ts';
import { Sealing } from './sealing.ts';
import { DisclosureProfile, expSchema, PUBLIC_AUDIENCE, signedClaims, Window } from './shared-claims.ts';
import type { TokenCrypto, Trust } from './verify-published-request.ts';

/** What can be searched for. A closed list, and animals only. */
export const PetKind = z.enum(['dog', 'cat']);
export type PetKind = z.infer<typeof PetKind>;

/** Largest photo on the wire, which is a plain JPEG (plain-jpeg.ts). */
export const PHOTO_BYTES_MAX = 12_288;
/** Longest side of a photo in pixels. */
export const PHOTO_SIDE_MAX = 320;

/** A search looks back at most this far. */
export const SEARCH_BACK_US_MAX = 24 * 3_600_000_000;

/** The name of a cell (geohash). */
export const cellSchema = z.string().regex(new RegExp(`^[0-9b-hjkmnp-z]{${CELL_LETTERS}}$`));

/** A search for a lost pet. Signed by its owner's key, addressed to the bridge (`aud`). `jti` is the search's id. */
export const Search = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  kind: PetKind,
  text: z.string().min(1).max(500),
  /** Hash of the photo's exact bytes as they are published. */
  photoSha256: sha256Schema,
  /** The cell where the pet was lost; the poster is not asked for the exact place. */
  cell: cellSchema,
  /** The footage to search: from when, and until when. */
  window: Window,
  /** The facts that the poster asks of a home that has seen the pet. */
  profile: DisclosureProfile,
  /** How clips for this search are encrypted. Absent: not at all, so that the bridge can read them. */
  sealing: Sealing.optional(),
});
export type Search = z.infer<typeof Search>;

/** The bridge's countersignature: it published exactly these bytes under its rules (`aud: public`). */
export const searchPublicationSchema = z.strictObject({
  ...signedClaims,
  search: idSchema,
  searchSha256: sha256Schema,
});

/** One open search as it is published. */
export const PublishedSearch = z.strictObject({
  search: z.string().max(4_096),
  publication: z.string().max(2_048),
  /** Base64url. */
  photo: z.string().max(Math.ceil((PHOTO_BYTES_MAX * 4) / 3)),
});
export type PublishedSearch = z.infer<typeof PublishedSearch>;
/** A published search without its photo, where the photo is already known. */
type SearchPapers = Omit<PublishedSearch, 'photo'>;
/** A published search without its photo. */
export const searchPapersSchema = PublishedSearch.omit({ photo: true });

/** A cell's open searches: retained at `area/<cell>/searches`, continued at `.../searches/2` and so on (`aud: public`). */
export const SearchDocument = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  cell: cellSchema,
  revision: z.int().positive(),
  part: z.int().min(1).max(99),
  parts: z.int().min(1).max(99),
  searches: z.array(PublishedSearch).max(10),
  /** Ids of searches that ended early: the pet was found. */
  ended: z.array(idSchema).max(400),
});
export type SearchDocument = z.infer<typeof SearchDocument>;

/** A poster's calls to the bridge. */
export const SearchAction = z.discriminatedUnion('action', [
  /** Convert a photo to a plain JPEG. `pairing`: the device's statement that the signer is its owner. */
  z.strictObject({ action: z.literal('photo'), pairing: z.string().max(2_048) }),
  z.strictObject({ action: z.literal('end'), search: idSchema }),
  /** Read one clip that was granted to the signer; with `all` as `clip`, the list of these clips. */
  z.strictObject({ action: z.literal('see'), clip: idSchema }),
]);
export type SearchAction = z.infer<typeof SearchAction>;

/** A poster's signed call (`aud`: bridge id); valid for some minutes. */
export const SearchCall = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  call: SearchAction,
});
export type SearchCall = z.infer<typeof SearchCall>;

/** A search whose signatures verify and belong together. Not checked: whether the search has ended, and its photo. */
export interface OpenedSearch {
  request: Search;
  requestToken: string;
  /** SHA-256 of the search token's exact bytes: what a grant must name. */
  requestSha256: string;
  papers: SearchPapers;
}

type OpenedSearchOrCode = { ok: true; opened: OpenedSearch } | { ok: false; code: ErrorCode };

/** Opens one published search with the pinned bridge key. The poster's key cannot be pinned, since anyone may post. */
export function openSearch(
  papers: SearchPapers,
  trust: Pick<Trust, 'bridgeKey'>,
  crypto: TokenCrypto,
): OpenedSearchOrCode {
  const { search: token, publication: publicationToken } = papers;
  const search = openToken(token, {
    typ: 'doorsill-search+jws',
    schema: Search,
    audience: actorId('bridge', crypto.sha256Hex(trust.bridgeKey)),
    keys: claimedSigner(token),
    verify: crypto.verify,
  });
  if (!search.ok) return { ok: false, code: TOKEN_FAULT_CODES[search.fault] };
  const publication = openToken(publicationToken, {
    typ: 'doorsill-search-publication+jws',
    schema: searchPublicationSchema,
    audience: PUBLIC_AUDIENCE,
    keys: [trust.bridgeKey],
    verify: crypto.verify,
  });
  if (!publication.ok) return { ok: false, code: TOKEN_FAULT_CODES[publication.fault] };
  const requestSha256 = crypto.sha256Hex(token);
  if (publication.claims.search !== search.claims.jti || publication.claims.searchSha256 !== requestSha256) {
    return { ok: false, code: 'consent_request_changed' };
  }
  if (askKindOf(search.claims.jti) !== 'search') return { ok: false, code: 'id_kind_wrong' };
  const opened = {
    request: search.claims,
    requestToken: token,
    requestSha256,
    papers: { search: token, publication: publicationToken },
  };
  return { ok: true, opened };
}

const signerSchema = z.object({ iss: signedClaims.iss });

/** The key that a poster's token names as its signer. Anyone may post, so the token is checked against its own key. */
export function claimedSigner(token: string): string[] {
  const claims = signerSchema.safeParse(parseToken(token)?.claims);
  return claims.success ? [claims.data.iss] : [];
}
