// The list of governments' domains, in the format of CISA's public list of .gov domains. Pure.
import { domainSchema } from '@doorsill/contract/agency-calls';
import { readTable } from './read-csv-table.ts';

/** The columns of https://github.com/cisagov/dotgov-data, `current-full.csv`. */
const COLUMNS = [
  'Domain name',
  'Domain type',
  'Organization name',
  'Suborganization name',
  'City',
  'State',
  'Security contact email',
] as const;
export const LIST_ROWS_MAX = 100_000;
const CELL_LETTERS_MAX = 300;

export interface ListedDomain {
  domain: string;
  /** CISA's type: `City`, `County`, `State`, `Tribal`, `Federal - Executive` and others. */
  type: string;
  organization: string;
}

export class GovernmentDomains {
  private readonly listed = new Map<string, ListedDomain>();

  constructor(domains: readonly ListedDomain[]) {
    for (const each of domains) this.listed.set(each.domain, each);
  }

  /** The listed domain that equals or contains this one; null when there is none. */
  find(domain: string): ListedDomain | null {
    for (let name = domain; name !== ''; name = parentOf(name)) {
      const found = this.listed.get(name);
      if (found) return found;
    }
    return null;
  }
}

/** Reads the list. Throws a plain `Error` that names the invalid line; a list with an error is not used at all. */
export function parseGovernmentDomains(text: string): GovernmentDomains {
  const domains = new Map<string, ListedDomain>();
  for (const { line, cell } of readTable(text, COLUMNS, LIST_ROWS_MAX)) {
    const domain = domainSchema.safeParse(cell('Domain name').toLowerCase());
    if (!domain.success) throw new Error(`line ${line} names no domain`);
    const [type, organization] = [cell('Domain type'), cell('Organization name')];
    if (type === '' || organization === '') throw new Error(`line ${line} names no type, or no organization`);
    if (type.length > CELL_LETTERS_MAX || organization.length > CELL_LETTERS_MAX) {
      throw new Error(`line ${line} has a cell of more than ${CELL_LETTERS_MAX} letters`);
    }
    if (domains.has(domain.data)) throw new Error(`line ${line} names ${domain.data} a second time`);
    domains.set(domain.data, { domain: domain.data, type, organization });
  }
  return new GovernmentDomains([...domains.values()]);
}

/** Whether a type of domain belongs to a federal body. */
export function isFederalType(type: string): boolean {
  return /^federal\b/i.test(type);
}

function parentOf(domain: string): string {
  const dot = domain.indexOf('.');
  return dot < 0 ? '' : domain.slice(dot + 1);
}
