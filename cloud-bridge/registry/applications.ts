// Limits on waiting applications, when they expire, and why each waits. Anyone can apply, so that whatever strangers can fill must empty by
// itself. Pure.
import { failure } from '@doorsill/contract/errors';
import { SCOPE_COMMUNITY_REQUEST } from '@doorsill/contract/request';
import {
  AGENCIES_MAX,
  type Agency,
  type AgencyFacts,
  assertNotBarred,
  type Book,
  isSame,
  replace,
  step,
  waitingOf,
} from './agency-book.ts';
import { type ApplicantFacts, assertEligible, type EligibilityRules, isListedLocal, whyWait } from './eligibility.ts';

/** Limit on waiting applications. */
const PENDING_MAX = 500;
/** Limit on those from domains that are not on the list of local governments; the rest is reserved for listed ones. */
const PENDING_UNLISTED_MAX = 400;
/** Limit on those from one network. */
const PENDING_FROM_NETWORK_MAX = 20;
/** An undecided application expires after this. */
export const PENDING_S_MAX = 7 * 24 * 3600;
/** Limit on refused agencies that were never approved; the oldest are deleted. */
const REFUSED_MAX = 2_000;

export interface Arrival {
  nowS: number;
  /** The network it came from; absent: it was made in this process. */
  from?: string;
  /** Its domain has shown its id, and it needs no review: the limits on waiting applications do not apply. */
  isProven?: boolean;
}

/**
 * Adds an application as pending; that of an approved agency is stored as its amendment. Repeating the approved facts drops a waiting
 * amendment; changed facts need an approval. An agency that was suspended or revoked stays so. Throws
 * `agency_federal`, `agency_ineligible`, `agency_suspended`, `agency_revoked`, `agency_key_rotated`, `agency_applications_full`.
 */
export function apply(book: Book, facts: AgencyFacts, rules: EligibilityRules, arrival: Arrival): Book {
  assertEligible(facts, rules);
  const known = book.agencies.find((entry) => entry.agency === facts.agency);
  if (known && known.state !== 'refused' && isSame(known.amendment ?? known, facts)) {
    assertNotBarred(known);
    return book;
  }
  const swept = forgetOld(book, arrival.nowS);
  const still = swept.agencies.find((entry) => entry.agency === facts.agency);
  return still ? applyAgain(swept, still, facts, rules, arrival) : add(swept, facts, rules, arrival);
}

function applyAgain(
  book: Book,
  known: Agency,
  facts: AgencyFacts,
  rules: EligibilityRules,
  { nowS, from }: Arrival,
): Book {
  const { effects } = step(known, 'apply');
  const revision = known.revision + 1;
  if (!effects.includes('amend')) {
    const { reason, domainProof, appliedFrom, ...kept } = known;
    const said: Agency = { ...kept, ...facts, state: 'pending', appliedS: nowS, ...fromOf(from), revision };
    return replace(book, { ...said, waits: whyPending(book, said, rules) });
  }
  const { amendment, ...kept } = known;
  if (isSame(known, facts)) return replace(book, { ...kept, revision });
  const { agency, key, ...said } = facts;
  const waits = whyPending(book, facts, rules);
  return replace(book, { ...kept, revision, amendment: { ...said, waits, appliedS: nowS } });
}

function add(book: Book, facts: AgencyFacts, rules: EligibilityRules, { nowS, from, isProven }: Arrival): Book {
  if (book.agencies.length >= AGENCIES_MAX)
    throw failure('agency_ineligible', { detail: 'the registry is full; tell its operator' });
  if (!isProven) assertRoom(book, facts, rules, from);
  const scopes = [SCOPE_COMMUNITY_REQUEST];
  const held = { state: 'pending' as const, wasApproved: false, refusals: 0, scopes, except: [] };
  // Above the revisions of deleted agencies: a decision on a deleted application must not apply to this one.
  const fresh: Agency = { ...facts, ...held, appliedS: nowS, ...fromOf(from), revision: book.forgottenRevision + 1 };
  return { ...book, agencies: [...book.agencies, { ...fresh, waits: whyPending(book, fresh, rules) }] };
}

function fromOf(from: string | undefined): Pick<Agency, 'appliedFrom'> {
  return from === undefined ? {} : { appliedFrom: from };
}

function assertRoom(book: Book, facts: ApplicantFacts, rules: EligibilityRules, from: string | undefined): void {
  const pending = book.agencies.filter(({ state }) => state === 'pending');
  const unlisted = pending.filter((one) => !isListedLocal(one, rules));
  const here = pending.filter(({ appliedFrom }) => from !== undefined && appliedFrom === from);
  if (here.length >= PENDING_FROM_NETWORK_MAX) {
    throw failure('agency_applications_full', { detail: `${here.length} from your network ${from}` });
  }
  const isFull = pending.length >= PENDING_MAX;
  if (isFull || (!isListedLocal(facts, rules) && unlisted.length >= PENDING_UNLISTED_MAX)) {
    throw failure('agency_applications_full', { detail: `${pending.length} from all together` });
  }
}

/** The book without expired applications, and without the oldest refused agencies beyond the limit. */
function forgetOld(book: Book, nowS: number): Book {
  const isOld = (agency: Agency) => {
    const appliedS = agency.amendment?.appliedS ?? agency.appliedS ?? nowS;
    return waitingOf(agency) !== null && appliedS <= nowS - PENDING_S_MAX;
  };
  const refused = book.agencies.filter(({ state, wasApproved }) => state === 'refused' && !wasApproved);
  const tooMany = new Set(refused.slice(0, Math.max(0, refused.length - REFUSED_MAX)));
  const kept = book.agencies.flatMap((agency) => {
    if (tooMany.has(agency)) return [];
    return isOld(agency) ? expired(agency) : [agency];
  });
  if (kept.every((agency, at) => agency === book.agencies[at]) && kept.length === book.agencies.length) return book;
  const left = new Set(kept.map(({ agency }) => agency));
  const forgotten = book.agencies.filter(({ agency }) => !left.has(agency)).map(({ revision }) => revision);
  return { ...book, agencies: kept, forgottenRevision: Math.max(book.forgottenRevision, ...forgotten) };
}

/** An agency after its application expired; none when it is deleted. */
function expired(agency: Agency): Agency[] {
  const { state, effects } = step(agency, 'expire');
  if (effects.includes('forget')) return [];
  const { amendment, waits, appliedS, appliedFrom, ...kept } = agency;
  const reason = state === 'refused' ? { reason: 'nobody decided on it in time; apply again' } : {};
  return [{ ...kept, ...reason, state, revision: agency.revision + 1 }];
}

/**
 * Why an applicant needs a person's review; null when only its domain proof is missing. A new key does not evade a moderator's decision:
 * if one agency of a government was refused, suspended, revoked or restricted, a person reviews each application under that domain.
 */
export function whyNotAdmitted(
  book: Book,
  facts: ApplicantFacts & Pick<Agency, 'agency'>,
  rules: EligibilityRules,
): string | null {
  const why = whyWait(facts, rules);
  if (why !== null) return why;
  const governmentOf = ({ domain }: ApplicantFacts) => rules.domains.find(domain)?.domain;
  const isNear = (other: Agency) => other.agency === facts.agency || governmentOf(other) === governmentOf(facts);
  const restricted = book.agencies.find((other) => isNear(other) && isRestricted(other));
  if (!restricted) return null;
  return `a moderator has decided against ${restricted.agency}, which is under the same domain`;
}

function isRestricted({ state, refusals, except, scopes }: Agency): boolean {
  const isBarred = state === 'refused' || state === 'suspended' || state === 'revoked';
  return isBarred || refusals > 0 || except.length > 0 || !scopes.includes(SCOPE_COMMUNITY_REQUEST);
}

function whyPending(book: Book, facts: ApplicantFacts & Pick<Agency, 'agency'>, rules: EligibilityRules): string {
  return whyNotAdmitted(book, facts, rules) ?? `${facts.domain} does not show its id yet`;
}
