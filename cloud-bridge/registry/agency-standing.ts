// Moderators' decisions about agencies, and what each changes in the book. Pure. standing-machine.ts says which one is possible when.

import { failure } from '@doorsill/contract/errors';
import { AREA_SCOPE, type Revocations, SCOPE_COMMUNITY_REQUEST } from '@doorsill/contract/request';
import { LIFE_S_MAX } from '@doorsill/contract/shared-claims';
import {
  type Agency,
  agencyIn,
  assertNotBarred,
  type Book,
  changed,
  EXCEPT_MAX,
  REVOKED_MAX,
  replace,
  step,
} from './agency-book.ts';
import { assertEligible, type EligibilityRules } from './eligibility.ts';

/** A moderator's decision about the agency at revision `seen`; without `seen`, about its current state. */
export interface Decision {
  agency: string;
  seen?: number;
}

/**
 * Approves the waiting facts of an agency whose domain is proven. Throws `agency_unknown`, `agency_changed`, and the failure of a barred
 * agency.
 */
export function approve(
  book: Book,
  decision: Decision,
  domainProof: NonNullable<Agency['domainProof']>,
  nowS: number,
): Book {
  const agency = decidable(book, decision);
  const { effects } = step(agency, 'approve');
  if (agency.state === 'approved' && !effects.includes('take-facts')) return book;
  const { reason, waits, appliedS, appliedFrom, amendment, ...kept } = agency;
  const next: Agency = { ...kept, ...amendedFacts(amendment), state: 'approved', wasApproved: true, domainProof };
  if (effects.includes('end-credentials')) return revokeCredentials(book, next, [undefined], nowS);
  return replace(book, { ...next, revision: agency.revision + 1 });
}

function amendedFacts(amendment: Agency['amendment']) {
  if (!amendment) return {};
  const { waits, appliedS, ...said } = amendment;
  return said;
}

/**
 * Refuses the waiting facts of an agency and revokes its access: an approved agency whose amendment is refused loses every credential
 * issued so far. Throws as `approve`; `agency_changed` when nothing waits.
 */
export function refuse(book: Book, decision: Decision, reason: string, nowS: number): Book {
  const agency = decidable(book, decision);
  const answer = step(agency, 'refuse');
  if (agency.state === 'refused') return book;
  return withoutAccess(book, { ...agency, state: answer.state, reason, refusals: agency.refusals + 1 }, answer, nowS);
}

/** Suspends all access; invalidates every credential issued so far. Throws `agency_unknown`, `agency_changed`, `agency_key_rotated`. */
export function suspend(book: Book, decision: Decision, reason: string, nowS: number): Book {
  const agency = decidable(book, decision);
  const answer = step(agency, 'suspend');
  if (answer.state === agency.state) return book;
  return withoutAccess(book, { ...agency, state: answer.state, reason }, answer, nowS);
}

/**
 * Revokes an agency's access, or some scopes of it: invalidates every credential issued so far. A scope `area-` plus a prefix of cells is
 * about the homes in those cells. Throws `agency_unknown`, `agency_changed`.
 */
export function revoke(book: Book, decision: Decision, scopes: readonly string[] | undefined, nowS: number): Book {
  const agency = decidable(book, decision);
  if (scopes === undefined) {
    const answer = step(agency, 'revoke');
    return answer.state === agency.state ? book : withoutAccess(book, { ...agency, state: answer.state }, answer, nowS);
  }
  const areas = scopes.filter((scope) => scope.startsWith(AREA_SCOPE)).map((scope) => scope.slice(AREA_SCOPE.length));
  const taken = scopes.filter((scope) => agency.scopes.includes(scope));
  const kept = areas.filter((prefix) => !agency.except.includes(prefix));
  if (taken.length + kept.length === 0) return book;
  const except = [...agency.except, ...kept];
  if (except.length > EXCEPT_MAX)
    throw failure('http_body_invalid', { detail: `an agency is kept out of at most ${EXCEPT_MAX} areas; revoke it` });
  const left = agency.scopes.filter((scope) => !taken.includes(scope));
  const entries = [...taken, ...kept.map((prefix) => AREA_SCOPE + prefix)];
  return revokeCredentials(book, { ...agency, scopes: left, except }, entries, nowS);
}

/**
 * Reinstates access, in full or some scopes. Earlier credentials stay invalid: new ones have a higher revision. An agency that was never
 * approved waits again. Throws `agency_unknown`, `agency_changed`, `agency_federal`, `agency_ineligible`, `agency_pending`,
 * `agency_key_rotated`.
 */
export function reinstate(
  book: Book,
  decision: Decision,
  scopes: readonly string[] | undefined,
  rules: EligibilityRules,
): Book {
  const agency = decidable(book, decision);
  assertEligible(agency, rules);
  const { state } = step(agency, 'reinstate');
  const { reason, ...kept } = agency;
  const named = scopes ?? [SCOPE_COMMUNITY_REQUEST];
  const back = named.filter((scope) => !scope.startsWith(AREA_SCOPE));
  const next: Agency = {
    ...(scopes === undefined ? { ...kept, state } : agency),
    scopes: [...new Set([...agency.scopes, ...back])],
    except: scopes === undefined ? [] : agency.except.filter((prefix) => !scopes.includes(AREA_SCOPE + prefix)),
  };
  if (JSON.stringify(next) === JSON.stringify(agency)) return book;
  // The revocation list has the same entries, but its new revision tells holders of credentials to fetch new credentials.
  return { ...replace(book, { ...next, revision: agency.revision + 1 }), listRevision: book.listRevision + 1 };
}

/**
 * Gives an agency a new key, and thereby a new id: the old id is retired, and all its credentials become invalid. Throws `agency_unknown`,
 * `agency_changed`, the failure of an agency that is not approved, and `agency_ineligible` when the key is in use.
 */
export function rotate(book: Book, decision: Decision, to: Pick<Agency, 'agency' | 'key'>, nowS: number): Book {
  const agency = decidable(book, decision);
  const known = book.agencies.find((other) => other.agency === to.agency);
  if (known && agency.successor === to.agency) return book;
  const answer = step(agency, 'rotate');
  if (known) throw failure('agency_ineligible', { detail: 'that key is registered already' });
  const organisation = agency.organisation ?? agency.agency;
  const retired = withoutAccess(book, { ...agency, state: answer.state, successor: to.agency }, answer, nowS);
  const { successor, amendment, ...kept } = agency;
  return { ...retired, agencies: [...retired.agencies, { ...kept, ...to, organisation, revision: 1 }] };
}

/** Throws unless the agency may act, whatever its credential says. */
export function assertActing(agency: Agency): void {
  assertNotBarred(agency);
  if (agency.state === 'pending') throw failure('agency_pending');
  if (agency.state === 'refused') throw failure('agency_refused', { detail: agency.reason ?? 'no reason was given' });
}

/** The entries of the published list. */
export function revokedEntries(book: Book): Revocations['revoked'] {
  return book.revoked.map(({ agency, upToRevision, scope }) => ({
    agency,
    upToRevision,
    ...(scope === undefined ? {} : { scope }),
  }));
}

/** Stores an agency that has lost its access; lists its credentials as revoked if standing-machine.ts says so. */
function withoutAccess(book: Book, agency: Agency, { effects }: ReturnType<typeof step>, nowS: number): Book {
  const { waits, appliedS, appliedFrom, amendment, ...kept } = agency;
  if (effects.includes('end-credentials')) return revokeCredentials(book, kept, [undefined], nowS);
  return replace(book, { ...kept, revision: agency.revision + 1 });
}

/** The agency; throws if it has changed since the revision that the moderator saw. */
function decidable(book: Book, { agency: id, seen }: Decision): Agency {
  const agency = agencyIn(book, id);
  if (seen !== undefined && seen !== agency.revision) throw changed(agency);
  return agency;
}

/** Stores an agency's new standing under the next revision, and lists credentials up to the former revision as revoked. */
function revokeCredentials(book: Book, agency: Agency, scopes: readonly (string | undefined)[], nowS: number): Book {
  const entries = scopes.map((scope) => ({
    agency: agency.agency,
    upToRevision: agency.revision,
    atS: nowS,
    ...(scope === undefined ? {} : { scope }),
  }));
  const revoked = [...prune(book, nowS).filter((old) => !entries.some((entry) => covers(entry, old))), ...entries];
  const next = replace(book, { ...agency, revision: agency.revision + 1 });
  return { ...next, revoked: revoked.slice(-REVOKED_MAX), listRevision: book.listRevision + 1 };
}

/** Whether a newer entry makes an older one redundant. */
function covers(newer: Book['revoked'][number], older: Book['revoked'][number]): boolean {
  return newer.agency === older.agency && (newer.scope === undefined || newer.scope === older.scope);
}

/** Drops entries for credentials that have certainly expired. */
function prune(book: Book, nowS: number): Book['revoked'] {
  return book.revoked.filter((entry) => entry.atS > nowS - 2 * LIFE_S_MAX.credential);
}
