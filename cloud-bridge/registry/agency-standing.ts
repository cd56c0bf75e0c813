// Owns: what the registry stores about each agency and how its standing changes. Pure. Not here: who is eligible
// (eligibility.ts), files, HTTP, signing, domain proofs.
import { z } from 'zod';
import { domainSchema } from '../../device/protocol/agency-calls.ts';
import { failure } from '../../device/protocol/errors.ts';
import { idSchema, publicKeySchema } from '../../device/protocol/ids.ts';
import {
  AREA_SCOPE,
  areaPrefixSchema,
  CREDENTIAL_LIFE_S_MAX,
  contactSchema,
  JURISDICTIONS,
  type Revocations,
  registeredTerms,
  SCOPE_COMMUNITY_REQUEST,
} from '../../device/protocol/request.ts';
import { PROOF_KINDS } from './domain-proof.ts';
import { type ApplicantFacts, assertEligible, type EligibilityRules, whyWait } from './eligibility.ts';

const AGENCIES_MAX = 10_000;
/** Limit on applications that wait for a moderator: everybody can apply, and reviewing takes people. */
const PENDING_MAX = 500;
const REVOKED_MAX = 400;
const EXCEPT_MAX = 64;

export const agencySchema = z.strictObject({
  agency: idSchema,
  key: publicKeySchema,
  name: z.string().min(1).max(120),
  jurisdiction: z.enum(JURISDICTIONS),
  domain: domainSchema,
  /** Null for agencies that were admitted before contacts were required. */
  contact: contactSchema.nullable().default(null),
  profiles: registeredTerms.profiles.default(['address-and-email']),
  retention: registeredTerms.retention.default(['uncategorized']),
  /** `retired`: its key was rotated; `successor` is the same agency under its new key. */
  state: z.enum(['pending', 'approved', 'refused', 'suspended', 'revoked', 'retired']),
  /** Why a moderator refused or suspended it. */
  reason: z.string().max(200).optional(),
  /** For a pending one: why a person must review it. */
  waits: z.string().max(600).optional(),
  /** How often a moderator has refused it. */
  refusals: z.int().nonnegative().default(0),
  domainProof: z.enum(PROOF_KINDS).optional(),
  scopes: z.array(idSchema).max(16),
  /** Prefixes of cell names whose homes it may not ask. */
  except: z.array(areaPrefixSchema).max(EXCEPT_MAX).default([]),
  organisation: idSchema.optional(),
  successor: idSchema.optional(),
  /** Grows with every change. */
  revision: z.int().positive(),
});
export type Agency = z.infer<typeof agencySchema>;

const entrySchema = z.strictObject({
  agency: idSchema,
  upToRevision: z.int().positive(),
  scope: idSchema.optional(),
  atS: z.int().nonnegative(),
});

export const bookSchema = z.strictObject({
  agencies: z.array(agencySchema).max(AGENCIES_MAX),
  revoked: z.array(entrySchema).max(REVOKED_MAX),
  /** Revision of the revocation list. */
  listRevision: z.int().positive(),
});
/** All agencies and the revocation list. Immutable: every function returns a new book. */
export type Book = z.infer<typeof bookSchema>;

export const EMPTY_BOOK: Book = { agencies: [], revoked: [], listRevision: 1 };

/** What an agency says about itself when it applies. */
export type AgencyFacts = Pick<
  Agency,
  'agency' | 'key' | 'name' | 'jurisdiction' | 'domain' | 'profiles' | 'retention'
> & { contact: NonNullable<Agency['contact']> };

/** A moderator's change: of the agency at revision `seen`; without `seen`, of its current state. */
export interface Decision {
  agency: string;
  seen?: number;
}

/** The agency; throws `agency_unknown`. */
export function agencyIn(book: Book, id: string): Agency {
  const agency = book.agencies.find((entry) => entry.agency === id);
  if (!agency) throw failure('agency_unknown');
  return agency;
}

/**
 * Adds an application as pending. The same facts again change nothing; other facts need a new approval. An agency that was suspended
 * or revoked stays so whatever it says. Throws `agency_federal`, `agency_ineligible`, `agency_suspended`, `agency_revoked`,
 * `agency_key_rotated`, `http_rate_limited`.
 */
export function apply(book: Book, facts: AgencyFacts, rules: EligibilityRules): Book {
  assertEligible(facts, rules);
  const known = book.agencies.find((entry) => entry.agency === facts.agency);
  if (!known) {
    if (book.agencies.length >= AGENCIES_MAX)
      throw failure('agency_ineligible', { detail: 'the registry is full; tell its operator' });
    if (book.agencies.filter(({ state }) => state === 'pending').length >= PENDING_MAX)
      throw failure('http_rate_limited');
    const scopes = [SCOPE_COMMUNITY_REQUEST];
    const fresh: Agency = { ...facts, state: 'pending', refusals: 0, scopes, except: [], revision: 1 };
    return { ...book, agencies: [...book.agencies, { ...fresh, waits: whyPending(book, fresh, rules) }] };
  }
  assertNotBarred(known);
  const isSame = known.state !== 'refused' && factsOf(known) === factsOf({ ...known, ...facts });
  if (isSame) return book;
  const { reason, domainProof, ...kept } = known;
  const next: Agency = { ...kept, ...facts, state: 'pending', revision: known.revision + 1 };
  return replace(book, { ...next, waits: whyPending(book, next, rules) });
}

/**
 * Why a pending agency is not admitted without a person; null when only its domain proof is missing. A new key does not evade
 * a moderator's decision: under the domain of a government one of whose agencies was refused, suspended, revoked or
 * restricted, a person reviews each application.
 */
export function whyNotAdmitted(book: Book, agency: Agency, rules: EligibilityRules): string | null {
  const why = whyWait(agency, rules);
  if (why !== null) return why;
  const governmentOf = ({ domain }: ApplicantFacts) => rules.domains.find(domain)?.domain;
  const restricted = book.agencies.find((other) => governmentOf(other) === governmentOf(agency) && isRestricted(other));
  if (!restricted && !isRestricted(agency)) return null;
  return `a moderator has decided against ${restricted?.agency ?? agency.agency}, which is under the same domain`;
}

function isRestricted({ state, refusals, except, scopes }: Agency): boolean {
  const isBarred = state === 'refused' || state === 'suspended' || state === 'revoked';
  return isBarred || refusals > 0 || except.length > 0 || !scopes.includes(SCOPE_COMMUNITY_REQUEST);
}

function whyPending(book: Book, agency: Agency, rules: EligibilityRules): string {
  return whyNotAdmitted(book, agency, rules) ?? `${agency.domain} does not show its id yet`;
}

function factsOf({ name, jurisdiction, domain, contact, profiles, retention }: Agency): string {
  return JSON.stringify([name, jurisdiction, domain, contact, profiles, retention]);
}

/** Approves an agency whose domain is proven. Throws `agency_unknown`, `agency_changed`, and the failure of a barred agency. */
export function approve(book: Book, decision: Decision, domainProof: NonNullable<Agency['domainProof']>): Book {
  const agency = decidable(book, decision);
  assertNotBarred(agency);
  if (agency.state === 'approved') return book;
  const { reason, waits, ...kept } = agency;
  return replace(book, { ...kept, state: 'approved', domainProof, revision: agency.revision + 1 });
}

/** Refuses a pending application; an approved agency must be revoked instead. Throws as `approve`. */
export function refuse(book: Book, decision: Decision, reason: string): Book {
  const agency = decidable(book, decision);
  assertNotBarred(agency);
  if (agency.state === 'refused') return book;
  if (agency.state !== 'pending') throw changed(agency);
  const { waits, ...kept } = agency;
  const refusals = agency.refusals + 1;
  return replace(book, { ...kept, state: 'refused', reason, refusals, revision: agency.revision + 1 });
}

/** Suspends all access; invalidates every credential issued so far. Throws `agency_unknown`, `agency_changed`, `agency_pending`. */
export function suspend(book: Book, decision: Decision, reason: string, nowS: number): Book {
  const agency = decidable(book, decision);
  if (agency.state === 'suspended' || agency.state === 'revoked') return book;
  if (agency.state !== 'approved') throw failure('agency_pending');
  return kill(book, { ...agency, state: 'suspended', reason }, [undefined], nowS);
}

/**
 * Revokes an agency's access, or one scope of it: invalidates every credential issued so far. A scope `area-` plus a prefix of
 * cell names, of which `scopes` can have several, is about the homes in those cells. Throws `agency_unknown`,
 * `agency_changed`.
 */
export function revoke(book: Book, decision: Decision, scopes: readonly string[] | undefined, nowS: number): Book {
  const agency = decidable(book, decision);
  if (scopes === undefined) {
    return agency.state === 'revoked' ? book : kill(book, { ...agency, state: 'revoked' }, [undefined], nowS);
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
  return kill(book, { ...agency, scopes: left, except }, entries, nowS);
}

/**
 * Reinstates access, in full or one scope. Earlier credentials stay invalid: new ones have a higher revision. Throws
 * `agency_unknown`, `agency_changed`, `agency_federal`, `agency_ineligible`, `agency_pending`, `agency_key_rotated`.
 */
export function reinstate(
  book: Book,
  decision: Decision,
  scopes: readonly string[] | undefined,
  rules: EligibilityRules,
): Book {
  const agency = decidable(book, decision);
  assertEligible(agency, rules);
  if (agency.state === 'retired') throw rotated(agency);
  if (agency.state === 'pending' || agency.state === 'refused') throw failure('agency_pending');
  const { reason, ...kept } = agency;
  const named = scopes ?? [SCOPE_COMMUNITY_REQUEST];
  const back = named.filter((scope) => !scope.startsWith(AREA_SCOPE));
  const next: Agency = {
    ...(scopes === undefined ? { ...kept, state: 'approved' as const } : agency),
    scopes: [...new Set([...agency.scopes, ...back])],
    except: scopes === undefined ? [] : agency.except.filter((prefix) => !scopes.includes(AREA_SCOPE + prefix)),
  };
  if (JSON.stringify(next) === JSON.stringify(agency)) return book;
  // The list has the same entries as before, but its new revision tells holders of credentials that these are out of date.
  return { ...replace(book, { ...next, revision: agency.revision + 1 }), listRevision: book.listRevision + 1 };
}

/**
 * Gives an agency a new key, and thereby a new id: the old id retires, and all its credentials become invalid. Throws
 * `agency_unknown`, `agency_changed`, and for any but an approved agency; `agency_ineligible` when the key is in use.
 */
export function rotate(book: Book, decision: Decision, to: Pick<Agency, 'agency' | 'key'>, nowS: number): Book {
  const agency = decidable(book, decision);
  const known = book.agencies.find((other) => other.agency === to.agency);
  if (known && agency.successor === to.agency) return book;
  assertNotBarred(agency);
  if (agency.state !== 'approved') throw failure('agency_pending');
  if (known) throw failure('agency_ineligible', { detail: 'that key is registered already' });
  const organisation = agency.organisation ?? agency.agency;
  const retired = kill(book, { ...agency, state: 'retired', successor: to.agency }, [undefined], nowS);
  const { successor, ...kept } = agency;
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

function assertNotBarred(agency: Agency): void {
  if (agency.state === 'revoked') throw failure('agency_revoked');
  if (agency.state === 'suspended') throw failure('agency_suspended');
  if (agency.state === 'retired') throw rotated(agency);
}

function rotated(agency: Agency) {
  return failure('agency_key_rotated', { successor: agency.successor ?? 'another one' });
}

function changed({ state, revision }: Agency) {
  return failure('agency_changed', { state, revision });
}

/** The agency; throws if somebody else has changed it since the moderator looked. */
function decidable(book: Book, { agency: id, seen }: Decision): Agency {
  const agency = agencyIn(book, id);
  if (seen !== undefined && seen !== agency.revision) throw changed(agency);
  return agency;
}

/** Stores an agency's new standing under the next revision, and lists credentials up to the previous revision as revoked. */
function kill(book: Book, agency: Agency, scopes: readonly (string | undefined)[], nowS: number): Book {
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

/** Drops old entries: one is needed only while a credential that it revokes may not have expired yet. */
function prune(book: Book, nowS: number): Book['revoked'] {
  return book.revoked.filter((entry) => entry.atS > nowS - 2 * CREDENTIAL_LIFE_S_MAX);
}

function replace(book: Book, agency: Agency): Book {
  return { ...book, agencies: book.agencies.map((other) => (other.agency === agency.agency ? agency : other)) };
}
