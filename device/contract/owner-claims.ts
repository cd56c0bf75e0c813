// The claims of an owner's grant, denial and revocation, as they follow from the request that was read. Shared by programs and the
// console's page.
import { CLIP_BYTES_DEFAULT, type ContentKeyCall, type Denial, type Grant, type Revoke } from './owner-orders.ts';
import type { VerifiedNotice } from './read-request-notice.ts';
import type { VerifiedSighting } from './read-sighting.ts';
import { recipientOf, sealingOf } from './request-or-search.ts';
import { DisclosureKey, LIFE_S_MAX, type Window, type Zone } from './shared-claims.ts';
import type { TokenCrypto } from './verify-published-request.ts';

const GRANT_LIFE_S_DEFAULT = 24 * 3600;
const DENIAL_LIFE_S = 24 * 3600;

/** Who signs, and when, in seconds since 1970. */
export interface Author {
  publicKey: string;
  nowS: number;
  /** A new id with this prefix. */
  freshId(prefix: string): string;
}

/**
 * The owner's choices; everything else follows from the request. Default: the whole window, without sound and without a fact about the
 * owner.
 */
export interface GrantChoice {
  window?: Window;
  audio?: boolean;
  zones?: Zone[];
  disclose?: readonly DisclosureKey[];
  byteLimit?: number;
  /** SHA-256 of a previewed clip: exactly these bytes are sent, or nothing. */
  clipSha256?: string;
  lifeS?: number;
}

/** Consent to one clip for the agency that asked, or for the neighbour whose pet may have been seen. */
export function grantClaims(
  author: Author,
  notice: VerifiedNotice | VerifiedSighting,
  choice: GrantChoice,
  sha256Hex: TokenCrypto['sha256Hex'],
): Grant {
  const { kind, key } = recipientOf(notice.request, sha256Hex);
  const sealing = sealingOf(notice);
  const disclose = choice.disclose ?? [];
  return {
    ...claimsHead(author, notice.device, 'grant'),
    exp: author.nowS + (choice.lifeS ?? GRANT_LIFE_S_DEFAULT),
    request: notice.request.jti,
    requestSha256: notice.requestSha256,
    recipient: { kind, key, ...(sealing ? { sealing } : {}) },
    window: choice.window ?? ('sighted' in notice ? notice.sighted[0].window : notice.request.window),
    audio: choice.audio ?? false,
    zones: choice.zones ?? [],
    disclose: DisclosureKey.options.filter((one) => disclose.includes(one)),
    byteLimit: choice.byteLimit ?? CLIP_BYTES_DEFAULT,
    ...(choice.clipSha256 === undefined ? {} : { clipSha256: choice.clipSha256 }),
  };
}

/** A denial. */
export function denialClaims(author: Author, notice: VerifiedNotice | VerifiedSighting): Denial {
  return {
    ...claimsHead(author, notice.device, 'denial'),
    exp: author.nowS + DENIAL_LIFE_S,
    request: notice.request.jti,
    requestSha256: notice.requestSha256,
  };
}

/** A revocation of a grant, whichever owner signed it. */
export function revokeClaims(
  author: Author,
  device: string,
  { request, grant, grantSha256 }: Pick<Revoke, 'request' | 'grant' | 'grantSha256'>,
): Revoke {
  return { ...claimsHead(author, device, 'revoke'), request, grant, grantSha256 };
}

/** A call for the content key of a clip that the author granted. */
export function contentKeyClaims(author: Author, device: string, grant: string): ContentKeyCall {
  return { ...claimsHead(author, device, 'content-key'), exp: author.nowS + LIFE_S_MAX.contentKeyCall, grant };
}

/** The first claims of every message that an owner signs; `jti` is a fresh id of its kind. */
export function claimsHead(author: Author, audience: string, kind: string) {
  return { iss: author.publicKey, aud: audience, iat: author.nowS, jti: author.freshId(kind) };
}
