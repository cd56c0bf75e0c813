// Owns: which applicants are never served, and why: by jurisdiction, by domain, by name. Pure.
// Not here: the rules' data (federal-rules.ts), whether the domain is theirs (domain-proof.ts), what a moderator decides.
import { failure } from '../../device/protocol/errors.ts';
import type { Credential } from '../../device/protocol/request.ts';
import { FEDERAL_DOMAINS, NAME_RULES, type NameRule } from './federal-rules.ts';

/** Mail providers anyone can have an address at: no agency's own domain. */
const FREE_MAIL = new Set([
  ...['gmail.com', 'googlemail.com', 'outlook.com', 'hotmail.com', 'live.com', 'msn.com', 'yahoo.com', 'ymail.com'],
  ...['icloud.com', 'me.com', 'mac.com', 'aol.com', 'gmx.com', 'gmx.net', 'gmx.de', 'web.de', 'mail.com', 'mail.ru'],
  ...['proton.me', 'protonmail.com', 'pm.me', 'tutanota.com', 'tuta.com', 'zoho.com', 'fastmail.com', 'hushmail.com'],
  ...['yandex.com', 'yandex.ru', 'qq.com', '163.com', 'hey.com', 'duck.com', 'comcast.net', 'att.net', 'verizon.net'],
]);

/** Which agencies are served besides those of cities and counties. Federal ones never are. */
export interface EligibilityRules {
  stateAgencies: boolean;
  /** Names that a rule finds and a person has looked at: letter by letter. */
  namesAllowed: readonly string[];
}

/** Letters of other alphabets can look like these; an agency's name has no use for them. */
const PLAIN_NAME = /^[\p{Script=Latin}\p{M}\p{N}\p{P}\p{Zs}&+$]+$/u;

/**
 * Throws `agency_federal` for a federal agency or a local branch of one, whatever it calls its jurisdiction, and
 * `agency_ineligible` for others that are not served; both say which fact decided.
 */
export function assertEligible(
  facts: Pick<Credential, 'name' | 'jurisdiction' | 'domain'>,
  rules: EligibilityRules,
): void {
  const { name, jurisdiction, domain } = facts;
  if (jurisdiction === 'federal') throw failure('agency_federal', { detail: 'its jurisdiction is federal' });
  const federal = FEDERAL_DOMAINS.find((known) => isUnder(domain, known));
  if (federal !== undefined) throw failure('agency_federal', { detail: `its domain is under ${federal}` });
  if (!PLAIN_NAME.test(name)) {
    throw failure('agency_ineligible', { detail: 'its name has letters that are not Latin, or none that can be seen' });
  }
  const found = rules.namesAllowed.includes(name) ? null : federalName(name);
  if (found) throw failure('agency_federal', { detail: `its name says “${found.words.join(' ')}”` });
  if (jurisdiction === 'state' && !rules.stateAgencies) {
    throw failure('agency_ineligible', { detail: 'state agencies are not served here' });
  }
  if ([...FREE_MAIL].some((known) => isUnder(domain, known))) {
    throw failure('agency_ineligible', { detail: 'its domain is a free-mail provider' });
  }
}

/** The first rule that finds a federal agency in a name; null when none does. */
export function federalName(name: string): NameRule | null {
  const words = wordsOf(name);
  return NAME_RULES.find((rule) => finds(rule, words)) ?? null;
}

function isUnder(domain: string, known: string): boolean {
  return domain === known || domain.endsWith(`.${known}`);
}

interface Word {
  text: string;
  isCapitals: boolean;
}

/** A name's words without accents, dots in abbreviations closed up ("U.S." is "us"), "&" read as "and", "Dept" in full. */
function wordsOf(name: string): Word[] {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/[\p{M}\p{Cf}]/gu, '')
    .replaceAll('&', ' and ')
    .replaceAll(/\b(?:\p{L}[.\s]\s?){1,6}\p{L}\b\.?/gu, (letters) => letters.replaceAll(/[.\s]/g, ''));
  // A name that does not tell capitals from small letters is read as the worse of the two.
  const isOneCase = !/\p{Ll}/u.test(plain) || !/\p{Lu}/u.test(plain);
  return (plain.match(/[\p{L}\p{N}]+/gu) ?? [])
    .map((word) => ({
      text: word.toLowerCase() === 'dept' ? 'department' : word.toLowerCase(),
      isCapitals: isOneCase || word === word.toUpperCase(),
    }))
    .filter(({ text }) => text !== 'the');
}

function finds({ words: phrase, atStart, inCapitals }: NameRule, words: readonly Word[]): boolean {
  const last = atStart ? 0 : words.length - phrase.length;
  for (let at = 0; at <= last; at += 1) {
    const fits = phrase.every((word, offset) => {
      const found = words[at + offset];
      return found?.text === word && (!inCapitals || found.isCapitals);
    });
    if (fits) return true;
  }
  return false;
}
