// Owns: what the registry knows about each agency and how its standing changes. Pure. Not here: files, HTTP, signing.
import { z } from 'zod';
import { domainSchema } from '../../device/protocol/agency.ts';
import { failure } from '../../device/protocol/errors.ts';
import { idSchema, publicKeySchema } from '../../device/protocol/ids.ts';
import {
  CREDENTIAL_LIFE_S_MAX,
  JURISDICTIONS,
  type Revocations,
  SCOPE_COMMUNITY_REQUEST,
} from '../../device/protocol/request.ts';

const agencySchema = z.strictObject({
  agency: idSchema,
  key: publicKeySchema,
  name: z.string().min(1).max(120),
  jurisdiction: z.enum(JURISDICTIONS),
  domain: domainSchema,
  state: z.enum(['pending', 'approved', 'revoked']),
  scopes: z.array(idSchema).max(16),
  /** Grows with every change of standing. */
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
  agencies: z.array(agencySchema).max(10_000),
  revoked: z.array(entrySchema).max(400),
  /** Revision of the revocation list. */
  listRevision: z.int().positive(),
});
/** All agencies and the revocation list. Values are never changed in place: every function returns a new book. */
export type Book = z.infer<typeof bookSchema>;

export const EMPTY_BOOK: Book = { agencies: [], revoked: [], listRevision: 1 };

/** What an agency says about itself when it registers. */
export type AgencyFacts = Pick<Agency, 'agency' | 'key' | 'name' | 'jurisdiction' | 'domain'>;

/** Mail providers anyone can have an address at: no agency's own domain. */
const FREE_MAIL = new Set(
  'gmail.com googlemail.com outlook.com hotmail.com live.com yahoo.com icloud.com aol.com gmx.com proton.me protonmail.com'.split(
    ' ',
  ),
);

/** Which jurisdictions are served besides cities and counties. Federal agencies never are. */
export interface EligibilityRules {
  stateAgencies: boolean;
}

/** Throws `agency_federal` or `agency_ineligible` for an agency that is never served. */
export function assertEligible(facts: Pick<AgencyFacts, 'jurisdiction' | 'domain'>, rules: EligibilityRules): void {
  if (facts.jurisdiction === 'federal') throw failure('agency_federal');
  if (facts.jurisdiction === 'state' && !rules.stateAgencies) {
    throw failure('agency_ineligible', { detail: 'state agencies are not served here' });
  }
  if (FREE_MAIL.has(facts.domain)) throw failure('agency_ineligible', { detail: 'its domain is a free-mail provider' });
}

/** The agency; throws `agency_unknown`. */
export function agencyIn(book: Book, id: string): Agency {
  const agency = book.agencies.find((entry) => entry.agency === id);
  if (!agency) throw failure('agency_unknown');
  return agency;
}

/**
 * Enters an agency as pending. The same facts again change nothing; other facts need approval again. A revoked agency
 * stays revoked whatever it says. Throws `agency_federal`, `agency_ineligible`, `agency_revoked`.
 */
export function register(book: Book, facts: AgencyFacts, rules: EligibilityRules): Book {
  assertEligible(facts, rules);
  const known = book.agencies.find((entry) => entry.agency === facts.agency);
  if (!known) {
    if (book.agencies.length >= 10_000) throw failure('agency_ineligible', { detail: 'the registry is full' });
    const entered: Agency = { ...facts, state: 'pending', scopes: [SCOPE_COMMUNITY_REQUEST], revision: 1 };
    return { ...book, agencies: [...book.agencies, entered] };
  }
  if (known.state === 'revoked') throw failure('agency_revoked');
  const same = known.name === facts.name && known.jurisdiction === facts.jurisdiction && known.domain === facts.domain;
  return same ? book : replace(book, { ...known, ...facts, state: 'pending', revision: known.revision + 1 });
}

/** Lets a pending agency act. Throws `agency_unknown`, `agency_revoked`. */
export function approve(book: Book, id: string): Book {
  const agency = agencyIn(book, id);
  if (agency.state === 'revoked') throw failure('agency_revoked');
  return agency.state === 'approved' ? book : replace(book, { ...agency, state: 'approved' });
}

/** Takes an agency's access, or one scope of it: kills every credential issued so far. Throws `agency_unknown`. */
export function revoke(book: Book, id: string, scope: string | undefined, nowS: number): Book {
  const agency = agencyIn(book, id);
  if (scope === undefined ? agency.state === 'revoked' : !agency.scopes.includes(scope)) return book;
  const changed: Agency =
    scope === undefined
      ? { ...agency, state: 'revoked', revision: agency.revision + 1 }
      : { ...agency, scopes: agency.scopes.filter((other) => other !== scope), revision: agency.revision + 1 };
  const entry = { agency: id, upToRevision: agency.revision, atS: nowS, ...(scope === undefined ? {} : { scope }) };
  const revoked = [...prune(book, nowS), entry];
  return { ...replace(book, changed), revoked, listRevision: book.listRevision + 1 };
}

/**
 * Gives access back in full. Credentials from before the revocation stay dead: new ones have a higher revision.
 * Throws `agency_unknown`, `agency_federal`, `agency_ineligible`, `agency_pending`.
 */
export function reinstate(book: Book, id: string, rules: EligibilityRules): Book {
  const agency = agencyIn(book, id);
  assertEligible(agency, rules);
  if (agency.state === 'pending') throw failure('agency_pending');
  const whole = agency.state === 'approved' && agency.scopes.includes(SCOPE_COMMUNITY_REQUEST);
  if (whole) return book;
  const scopes = [...new Set([...agency.scopes, SCOPE_COMMUNITY_REQUEST])];
  return replace(book, { ...agency, state: 'approved', scopes, revision: agency.revision + 1 });
}

/** The list's entries as they are published. */
export function revokedEntries(book: Book): Revocations['revoked'] {
  return book.revoked.map(({ agency, upToRevision, scope }) => ({
    agency,
    upToRevision,
    ...(scope === undefined ? {} : { scope }),
  }));
}

/** An entry is needed only while a credential that it kills could still live. */
function prune(book: Book, nowS: number): Book['revoked'] {
  return book.revoked.filter((entry) => entry.atS > nowS - 2 * CREDENTIAL_LIFE_S_MAX).slice(-399);
}

function replace(book: Book, agency: Agency): Book {
  return { ...book, agencies: book.agencies.map((other) => (other.agency === agency.agency ? agency : other)) };
}
