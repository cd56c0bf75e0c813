// Which applicants are refused, which wait for a moderator, and that names which only look similar are not refused.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadEligibility } from '../../../cloud-bridge/registry/data-files.ts';
import { type ApplicantFacts, assertEligible, whyWait } from '../../../cloud-bridge/registry/eligibility.ts';
import { readTable } from '../../../cloud-bridge/registry/read-csv-table.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { isFailure } from '../../../device/contract/errors.ts';
import { root } from '../../layout/source-tree.ts';

const shipped = await loadEligibility(new SystemDisk(), { stateAgencies: false, namesAllowed: [], dataFolder: '/' });
const local: ApplicantFacts = {
  name: 'Springfield Police Department',
  jurisdiction: 'municipal',
  domain: 'springfield.example',
};

function refusal(facts: Partial<ApplicantFacts>, by = {}): string {
  try {
    assertEligible({ ...local, ...facts }, { ...shipped, ...by });
    return 'served';
  } catch (thrown) {
    return isFailure(thrown) ? `${thrown.code}: ${thrown.message}` : 'not coded';
  }
}

/** One example for each phrase of the shipped list: a name with this phrase and nothing else federal. */
const AGENCIES = readTable(
  readFileSync(join(root, 'cloud-bridge/registry/data/federal-agencies.csv'), 'utf8'),
  ['Agency', 'Names', 'Capitals', 'Looked at', 'Domain names'],
  1_000,
);
const phrases = (column: 'Names' | 'Capitals' | 'Looked at' | 'Domain names') =>
  AGENCIES.flatMap(({ cell }) => cell(column).split(';').filter(Boolean));

describe('a federal agency', () => {
  it('is refused under each of its listed names', () => {
    expect(AGENCIES.length).toBeGreaterThan(60);
    const named = phrases('Names').map((phrase) =>
      phrase.startsWith('^') ? `${phrase.slice(1)} Springfield` : `Springfield ${phrase} Unit`,
    );
    expect(named.filter((name) => !refusal({ name }).startsWith('agency_federal'))).toEqual([]);
  });

  it('is refused by an abbreviation in capitals; written like a word it waits for a moderator', () => {
    for (const letters of phrases('Capitals')) {
      const [capitals, word] = [
        `${letters} Springfield Unit`,
        `${letters[0]}${letters.slice(1).toLowerCase()} Village Police`,
      ];
      expect([capitals, refusal({ name: capitals })]).toEqual([capitals, expect.stringMatching(/^agency_federal/)]);
      expect([word, refusal({ name: word })]).toEqual([word, 'served']);
      expect(whyWait({ ...local, name: word }, shipped)).toContain('as names of federal bodies do');
    }
  });

  it.each([
    ...['Ice Chicago Field Office', 'Bureau of Land Management', 'NCIS Norfolk', 'Coast Guard Sector Boston'],
    ...['ICE CHICAGO', 'ice chicago', 'Springfield I.C.E. Office', 'Local Branch of ICE', 'Ice Detention Dallas'],
    ...['Immigration & Customs Enforcement, Chicago', 'H.S.I. Task Force', 'Detention E.R.O.', 'ERO Newark'],
    ...['C.B.P. Buffalo Field Office', 'Tucson Sector Border Patrol', 'Dept. of Homeland Security, Chicago', 'F.B.I.'],
    ...['Federal Bureau of Prisons', 'Springfield Federal Task Force', 'Joint Terrorism Task Force, Boston', 'fbi'],
    ...['U.S. Marshals, Gulf Coast', 'Marshals Service, Eastern District', 'D.E.A.', 'Dea Houston', 'Atf Phoenix'],
    ...['Bureau of Alcohol, Tobacco, Firearms and Explosives', 'Springfield Postal Inspector', 'U.S. Park Police'],
    ...['Bureau of Indian Affairs Police', 'National Park Service Rangers', 'Police of the United States', 'VA Police'],
    ...['287(g) Task Force of Mercer County', 'U. S. Marshals', 'Ｉ.Ｃ.Ｅ. Office', 'F B I', 'Ìmmigration & Customs'],
    ...['THE FBI', 'US Attorney, Northern District', 'Air Force Office of Special Investigations', 'Amtrak Police'],
    ...['Diplomatic Security, Houston', 'Tennessee Valley Authority Police', 'Fish and Wildlife Service, Region 3'],
    ...['IRS Criminal Investigation', 'NIH Police', 'NASA Protective Services', 'Smithsonian Office of Protection'],
  ])('is refused under the name %s', (name) => {
    expect(refusal({ name })).toMatch(/^agency_federal.*its name says “/);
  });

  it.each([...phrases('Domain names')])('is refused by the domain %s and those below it, and no other', (domain) => {
    const at = domain.includes('.') ? domain : `army.${domain}`;
    expect(refusal({ domain: at })).toMatch(/^agency_federal/);
    expect(refusal({ domain: `chicago.${at}` })).toMatch(/^agency_federal/);
    expect(refusal({ domain: `not${domain}.example` })).toBe('served');
  });

  it('is refused by a domain that the list of government domains marks as federal', () => {
    const own = { ...shipped.names, federalDomains: [] };
    const names = Object.assign(Object.create(Object.getPrototypeOf(shipped.names)), own);
    expect(refusal({ domain: 'police.tva.gov' }, { names })).toMatch(/^agency_federal.*tva\.gov is listed as “Federal/);
  });
});

it.each([
  ['a declared federal jurisdiction', { jurisdiction: 'federal' }, /^agency_federal.*jurisdiction is federal/],
  ['a federal name in a town’s jurisdiction', { name: 'HSI Springfield' }, /^agency_federal.*says “hsi”/],
  ['letters of another alphabet', { name: 'І\u0421E Springfield' }, /^agency_ineligible.*not Latin/],
  ['letters that cannot be seen', { name: 'I\u200bCE Springfield' }, /^agency_ineligible/],
  ['a state agency', { jurisdiction: 'state' }, /^agency_ineligible.*state agencies/],
  ['free mail', { domain: 'gmail.com' }, /^agency_ineligible.*free-mail/],
  ['a domain below a free-mail one', { domain: 'police.gmail.com' }, /^agency_ineligible.*free-mail/],
] as const)('refuses %s and says why', (_what, facts, expected) => {
  expect(refusal(facts)).toMatch(expected);
});

it.each([
  ...['Springfield Police Department', 'Maricopa County Sheriff’s Office', 'Pierce County Sheriff’s Department'],
  ...['Ice House Village Police', 'Ice Harbor Police Department', 'Pierce', 'Alice Police Department'],
  ...[
    'Price Police Department',
    'Venice Police Department',
    'Justice Police Department',
    'Mercer Drug Enforcement Unit',
  ],
  ...['Immigration Services of Mercer County', 'Shih Police Department', 'Herod Police Department', 'Dean Police'],
  ...['Romero Police Department', 'Border City Police Department', 'Homeland Police Department', 'Hatfield Police'],
  ...['Dearborn Office of Homeland Security and Emergency Management', 'Fabius Police Department', 'Deadwood Police'],
  ...['Federal Way Police Department', 'Federal Heights Police Department', 'Federal Way Task Force', 'Usher Police'],
  ...['Testbed Marshal of Mercer', 'Marshall County Sheriff', 'Marshalltown Police Department', 'Marshal of Mercer'],
  ...['Park Police of Mercer', 'Tsalagi Police Department', 'States Attorney of Mercer', 'Police Near US 30'],
  ...[
    'Police District 287, Garland',
    'Mint Hill Police Department',
    'Fort Worth Police Department',
    'Fairfax, VA Police',
  ],
  ...['Navajo County Sheriff', 'Coast City Police', 'Guard Lake Police', 'Defiance Police', 'Forest Park Police'],
  ...['Army Trail Police', 'Chicago Office of Inspector General', 'Springfield Criminal Investigation Division'],
])('does not refuse %s by its name', (name) => {
  expect(refusal({ name })).toBe('served');
});

it.each(['springfield.gov', 'cityofalice.gov', 'piercecountywa.gov', 'sheriff.mercer.example', 'notgmail.com'])(
  'does not refuse %s: a .gov is not federal by itself',
  (domain) => expect(refusal({ domain })).toBe('served'),
);

it('admits a state agency where that is set, and only the name that a moderator approved', () => {
  expect(refusal({ jurisdiction: 'state' }, { stateAgencies: true })).toBe('served');
  const allowed = { namesAllowed: ['ICE LAKE POLICE'] };
  expect(refusal({ name: 'ICE LAKE POLICE' })).toMatch(/^agency_federal/);
  expect(refusal({ name: 'ICE LAKE POLICE' }, allowed)).toBe('served');
  expect(refusal({ name: 'ICE LAKE POLICE 2' }, allowed)).toMatch(/^agency_federal/);
});

describe('a moderator must decide', () => {
  const boston = { name: 'Boston Police Department', jurisdiction: 'municipal', domain: 'boston.gov' } as const;
  const cook = {
    name: 'Cook County Sheriff’s Office',
    jurisdiction: 'county',
    domain: 'sheriff.cookcountyil.gov',
  } as const;

  it('not about an agency whose city or county is on the list with this domain, or one above it', () => {
    for (const facts of [boston, { ...boston, domain: 'police.boston.gov' }, cook]) {
      expect(whyWait(facts, shipped)).toBeNull();
    }
  });

  it.each<[string, ApplicantFacts, RegExp]>([
    ['a domain that is not on the list', { ...boston, domain: 'bostonpolice.gov' }, /not on the list/],
    ['a domain that only ends alike', { ...boston, domain: 'notboston.gov' }, /not on the list/],
    ['a county’s domain under a city’s jurisdiction', { ...cook, jurisdiction: 'municipal' }, /listed as “County”/],
    ['a city’s domain under a county’s jurisdiction', { ...boston, jurisdiction: 'county' }, /listed as “City”/],
    ['a state’s domain', { ...boston, domain: 'illinois.gov', jurisdiction: 'state' }, /listed as “State”/],
    ['a nation’s domain', { ...boston, domain: 'navajo-nsn.gov' }, /listed as “Tribal”/],
    ['another place’s name', { ...boston, name: 'Springfield Police Department' }, /“City of Boston”/],
    ['a name without its place', { ...boston, name: 'Police Department' }, /“City of Boston”/],
    ['a part of its place’s name', { ...cook, domain: 'lacounty.gov', name: 'Angeles County Sheriff' }, /“Los Angeles/],
    ['a name that is no police’s', { ...boston, name: 'Boston Parks and Recreation' }, /law enforcement/],
    ['a federal word in its name', { ...boston, name: 'Boston Police Immigration Desk' }, /“immigration”/],
    ['an abbreviation like a word', { ...boston, name: 'Boston Ice Police' }, /“ice”/],
    ['a task force', { ...boston, name: 'Boston Police Task Force' }, /“task force”/],
  ])('about %s, and gets the reason', (_what, facts, why) => {
    expect(refusal(facts, { stateAgencies: true })).toBe('served');
    expect(whyWait(facts, shipped)).toMatch(why);
  });
});
