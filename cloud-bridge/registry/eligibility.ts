// Which applicants are never served, which need a person's review, and why. Pure.
import { failure } from '@doorsill/contract/errors';
import type { Credential } from '@doorsill/contract/request';
import type { AgencyNameRules } from './agency-names.ts';
import { type GovernmentDomains, isFederalType } from './government-domains.ts';

/** Mail providers where anyone can have an address: not an agency's own domain. */
const FREE_MAIL = new Set([
  ...['gmail.com', 'googlemail.com', 'outlook.com', 'hotmail.com', 'live.com', 'msn.com', 'yahoo.com', 'ymail.com'],
  ...['icloud.com', 'me.com', 'mac.com', 'aol.com', 'gmx.com', 'gmx.net', 'gmx.de', 'web.de', 'mail.com', 'mail.ru'],
  ...['proton.me', 'protonmail.com', 'pm.me', 'tutanota.com', 'tuta.com', 'zoho.com', 'fastmail.com', 'hushmail.com'],
  ...['yandex.com', 'yandex.ru', 'qq.com', '163.com', 'hey.com', 'duck.com', 'comcast.net', 'att.net', 'verizon.net'],
]);

/** Which agencies are served besides those of cities and counties. Federal ones never are. */
export interface EligibilityRules {
  stateAgencies: boolean;
  /** Names that match a rule and that a person has cleared, in exact spelling. */
  namesAllowed: readonly string[];
  names: AgencyNameRules;
  domains: GovernmentDomains;
}

export type ApplicantFacts = Pick<Credential, 'name' | 'jurisdiction' | 'domain'>;

/** Letters of other alphabets can look like Latin ones. */
const PLAIN_NAME = /^[\p{Script=Latin}\p{M}\p{N}\p{P}\p{Zs}&+$]+$/u;

/** For each stated jurisdiction, CISA's type of domain under which an agency is admitted without review. */
const LOCAL_TYPES: Partial<Record<Credential['jurisdiction'], string>> = { municipal: 'City', county: 'County' };

/**
 * Throws `agency_federal` for a federal agency or a local branch of one, whatever jurisdiction it states, and `agency_ineligible` for
 * others that are not served; both name the deciding fact.
 */
export function assertEligible(facts: ApplicantFacts, rules: EligibilityRules): void {
  const { name, jurisdiction, domain } = facts;
  if (jurisdiction === 'federal') throw failure('agency_federal', { detail: 'its jurisdiction is federal' });
  const federal = rules.names.federalDomains.find((known) => isUnder(domain, known));
  if (federal !== undefined) throw failure('agency_federal', { detail: `its domain is under ${federal}` });
  const listed = rules.domains.find(domain);
  if (listed && isFederalType(listed.type)) {
    throw failure('agency_federal', { detail: `${listed.domain} is listed as “${listed.type}”` });
  }
  if (!PLAIN_NAME.test(name)) {
    throw failure('agency_ineligible', { detail: 'its name has letters that are not Latin, or no visible ones' });
  }
  const found = rules.namesAllowed.includes(name) ? null : rules.names.federalName(name);
  if (found) throw failure('agency_federal', { detail: `its name says “${found.words}”: ${found.says}` });
  if (jurisdiction === 'state' && !rules.stateAgencies) {
    throw failure('agency_ineligible', { detail: 'state agencies are not served here' });
  }
  if ([...FREE_MAIL].some((known) => isUnder(domain, known))) {
    throw failure('agency_ineligible', { detail: 'its domain is a free-mail provider' });
  }
}

/**
 * Why a person must review an applicant that `assertEligible` accepts; null when the list of local governments' domains confirms its facts
 * and its name raises no doubt. Whether it controls the domain is checked elsewhere.
 */
export function whyWait({ name, jurisdiction, domain }: ApplicantFacts, rules: EligibilityRules): string | null {
  const doubt = rules.namesAllowed.includes(name) ? null : rules.names.doubtfulName(name);
  if (doubt) return `its name says “${doubt.words}”, as names of federal bodies do (${doubt.says})`;
  const listed = rules.domains.find(domain);
  if (!listed) return `${domain} is not on the list of local governments’ domains`;
  // The list confirms the domain, not the names of hosts below it.
  const below = rules.names.federalLabel(domain.slice(0, -listed.domain.length));
  if (below) return `its host names a federal body before ${listed.domain} (${below.says})`;
  if (listed.type !== LOCAL_TYPES[jurisdiction]) {
    return `it calls itself ${jurisdiction}, and ${listed.domain} is listed as “${listed.type}”`;
  }
  if (!rules.names.namesGovernment(name, listed.organization)) {
    return `${listed.domain} is listed as that of “${listed.organization}”, which its name does not say`;
  }
  if (!rules.names.isLawEnforcement(name)) return 'its name does not say that it is about law enforcement';
  return null;
}

/** Whether its domain is, or is below, that of a city or county on the list. */
export function isListedLocal({ domain }: ApplicantFacts, rules: EligibilityRules): boolean {
  const type = rules.domains.find(domain)?.type;
  return type !== undefined && Object.values(LOCAL_TYPES).includes(type);
}

function isUnder(domain: string, known: string): boolean {
  return domain === known || domain.endsWith(`.${known}`);
}
