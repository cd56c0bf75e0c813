// Opens one published request: credential, agency's request, bridge's publication, and whether the three belong together. Device, owner and
// bridge judge with the same code.
import { partnerHasEnded } from './built-in-ended-partners.ts';
import { type ErrorCode, TOKEN_FAULT_CODES } from './errors.ts';
import { actorId, askKindOf, idSchema } from './ids.ts';
import { openToken, parseToken, type Verify } from './jws.ts';
import { CLOCK_SKEW_S_MAX } from './owner-orders.ts';
import {
  AREA_SCOPE,
  Credential,
  Jurisdiction,
  type PublishedRequest,
  publicationSchema,
  Request,
  type Revocations,
  SCOPE_COMMUNITY_REQUEST,
} from './request.ts';
import { LIFE_S_MAX, PUBLIC_AUDIENCE } from './shared-claims.ts';

/** Hashing and signature checks, supplied by the caller: by node:crypto on a device, by WebCrypto in a browser. */
export interface TokenCrypto {
  verify: Verify;
  sha256Hex: (text: string) => string;
}

/** The keys pinned at enrolment. */
export interface Trust {
  bridgeKey: string;
  registryKey: string;
}

/** A request whose three signatures verify and belong together. Not checked: whether it is open, and its agency's standing. */
export interface OpenedRequest {
  request: Request;
  requestToken: string;
  /** SHA-256 of the request token's exact bytes: what a grant must name. */
  requestSha256: string;
  credential: Credential;
  published: PublishedRequest;
}

type OpenedOrCode = { ok: true; opened: OpenedRequest } | { ok: false; code: ErrorCode };

/** Opens one published request against the pinned keys. Expired documents open too: `credentialFault` judges time. */
export function openPublished(published: PublishedRequest, trust: Trust, crypto: TokenCrypto): OpenedOrCode {
  const fault = (code: ErrorCode): OpenedOrCode => ({ ok: false, code });
  const credential = openToken(published.credential, {
    typ: 'doorsill-credential+jws',
    schema: Credential,
    audience: PUBLIC_AUDIENCE,
    keys: [trust.registryKey],
    verify: crypto.verify,
  });
  if (!credential.ok) return fault('consent_credential_invalid');
  const { agency, key } = credential.claims;
  if (agency !== actorId('agency', crypto.sha256Hex(key))) return fault('consent_credential_invalid');
  // A request signed by another key than the credential's is reported to the owner as the credential's fault, not as a wire fault.
  const request = openToken(published.request, {
    typ: 'doorsill-request+jws',
    schema: Request,
    audience: actorId('bridge', crypto.sha256Hex(trust.bridgeKey)),
    keys: [key],
    verify: crypto.verify,
  });
  if (!request.ok) {
    return fault(request.fault === 'unknown-signer' ? 'consent_credential_invalid' : TOKEN_FAULT_CODES[request.fault]);
  }
  if (request.claims.agency !== agency) return fault('consent_credential_invalid');
  if (partnerHasEnded(request.claims.partner)) return fault('consent_partner_ended');
  const publication = openToken(published.publication, {
    typ: 'doorsill-publication+jws',
    schema: publicationSchema,
    audience: PUBLIC_AUDIENCE,
    keys: [trust.bridgeKey],
    verify: crypto.verify,
  });
  if (!publication.ok) return fault(TOKEN_FAULT_CODES[publication.fault]);
  const requestSha256 = crypto.sha256Hex(published.request);
  if (publication.claims.request !== request.claims.jti || publication.claims.requestSha256 !== requestSha256) {
    return fault('consent_request_changed');
  }
  if (askKindOf(request.claims.jti) !== 'request') return fault('id_kind_wrong');
  const opened = { request: request.claims, requestToken: published.request, requestSha256 };
  return { ok: true, opened: { ...opened, credential: credential.claims, published } };
}

/** The id that a request token claims, for use in a refusal; null without one. Nothing about it is verified. */
export function claimedRequestId(requestToken: string): string | null {
  const claims = parseToken(requestToken)?.claims;
  if (typeof claims !== 'object' || claims === null || !('jti' in claims)) return null;
  const id = idSchema.safeParse(claims.jti);
  return id.success ? id.data : null;
}

/** Jurisdictions whose agencies are served: verified local agencies, never federal ones. */
function servedJurisdictions(serveState: boolean): readonly Jurisdiction[] {
  return Jurisdiction.options.filter(
    (name) => name === 'municipal' || name === 'county' || (serveState && name === 'state'),
  );
}

/** Why a credential is not valid at `nowS` (seconds since 1970) for asking residents; null when it is. */
export function credentialFault(credential: Credential, nowS: number, serveState: boolean): ErrorCode | null {
  if (!servedJurisdictions(serveState).includes(credential.jurisdiction)) return 'consent_agency_ineligible';
  if (!credential.scopes.includes(SCOPE_COMMUNITY_REQUEST)) return 'consent_credential_invalid';
  if (credential.exp - credential.iat > LIFE_S_MAX.credential) return 'consent_credential_invalid';
  if (credential.iat > nowS + CLOCK_SKEW_S_MAX) return 'consent_credential_invalid';
  if (credential.exp <= nowS) return 'consent_credential_expired';
  return null;
}

/** Whether a request asks for a profile or a retention that its agency is not registered for. */
export function asksBeyond(request: Request, credential: Credential): boolean {
  const { profiles, retention } = credential;
  return (
    (profiles !== undefined && !profiles.includes(request.profile)) ||
    (retention !== undefined && !retention.includes(request.retention))
  );
}

/**
 * Whether an agency may not ask the residents of these cells: a revocation list revokes its credential there, or the credential itself
 * excludes one of the cells.
 */
export function revokedBy(list: Revocations, credential: Credential, cells: readonly string[]): boolean {
  const reaches = (prefix: string) => cells.some((cell) => cell.startsWith(prefix));
  if (credential.except?.some(reaches)) return true;
  return list.revoked.some(
    ({ agency, upToRevision, scope }) =>
      agency === credential.agency &&
      credential.revision <= upToRevision &&
      (scope === undefined ||
        scope === SCOPE_COMMUNITY_REQUEST ||
        (scope.startsWith(AREA_SCOPE) && reaches(scope.slice(AREA_SCOPE.length)))),
  );
}
