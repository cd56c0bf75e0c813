// A federal name is refused or sent to a moderator however it is spelled, and no ordinary local agency is held up by that.
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
const { names } = shipped;
const data = (name: string) => readFileSync(join(root, 'cloud-bridge/registry/data', name), 'utf8');

/** The result of an application: `admitted` without a moderator, why it waits, or the code of its refusal. */
function outcome(facts: ApplicantFacts): string {
  try {
    assertEligible(facts, shipped);
    return whyWait(facts, shipped) ?? 'admitted';
  } catch (thrown) {
    return isFailure(thrown) ? thrown.code : String(thrown);
  }
}
const seattle = { name: 'Seattle Police', jurisdiction: 'municipal', domain: 'seattle.gov' } as const;

describe('a federal name', () => {
  it.each([
    ...[
      'F-B-I',
      'F·B·I',
      'F_B_I',
      'F/B/I',
      'F – B – I',
      'F.B.I.’s',
      'f-b-i',
      'FB\u0131',
      '\uff26\uff22\uff29',
      'F\u0301BI',
    ],
    ...[
      'I-C-E',
      'i.c.e.',
      '\u026aCE',
      'H·S·I',
      'U-S-Marshals',
      'USMarshals',
      'usmarshals',
      'BorderPatrol',
      'Border-Patrol',
    ],
    ...[
      'Secret_Service',
      'Dpt of Homeland Sec',
      'Dept. of Homeland Sec.',
      'Immig. & Customs Enf.',
      'Secret Svc',
      'Fed Bur of Inv',
    ],
    ...['Nat’l Park Svc', 'SquadFBI', 'FBIPolice', 'Drug Enf Admin'],
  ])('is refused as %s, also for a listed city', (written) => {
    expect(outcome({ ...seattle, name: `Seattle Police ${written}` })).toBe('agency_federal');
    expect(outcome({ ...seattle, name: `${written} Seattle Police` })).toBe('agency_federal');
  });

  it.each([
    ...[
      'HSl',
      '1CE',
      'FB1',
      'F8I',
      'F B1',
      'FB I',
      'D H5',
      'lnterpol',
      'U5 Marshals',
      'Irnmigration',
      'Cust0ms',
      '5ecret Service',
    ],
    ...[
      'Homelandsecurity',
      'SeattleHomelandSecurity',
      'Homelandsecurityunit',
      'Home Land Security',
      'Task-Force',
      'T5A',
    ],
  ])('waits for a moderator as %s', (written) => {
    expect(outcome({ ...seattle, name: `Seattle Police ${written}` })).toMatch(/as names of federal bodies do/);
  });

  it('waits for a moderator when it begins a name with look-alike letters', () => {
    expect(names.doubtfulName('U5 Police of Seattle')).toBeNull();
    expect(names.doubtfulName('U5 Marshal of Seattle')).toMatchObject({ words: 'us marshal' });
  });
});

describe('a host below a listed city’s domain', () => {
  it.each([
    ...[
      'ice.gov',
      'ice',
      'www.ice',
      'fbi',
      'fbi-seattle',
      'police.dhs',
      'f.b.i',
      'f-b-i',
      '1ce',
      'h5i',
      'icegov',
      'usice',
      'gov',
      'mil',
    ],
    ...[
      'usmarshals',
      'us-marshals',
      'homeland-security',
      'homelandsecurity',
      'bordepatrol.cbp',
      'secretservice',
      'federal.fed',
    ],
  ])('waits for a moderator as %s', (labels) => {
    const domain = `${labels}.seattle.gov`;
    expect(outcome({ ...seattle, domain })).toMatch(/^its host names a federal body before seattle\.gov/);
  });

  it.each([
    'police',
    'www.police',
    'pd',
    'spd',
    'public-safety',
    'sheriff',
    'office',
    'services',
    'nice',
    'icehouse',
    'policing',
  ])('is admitted as %s', (labels) =>
    expect(outcome({ ...seattle, domain: `${labels}.seattle.gov` })).toBe('admitted'),
  );
});

describe('an ordinary local agency', () => {
  const LOCAL = readTable(data('local-governments.csv'), ['Domain name', 'Domain type', 'Organization name'], 1_000)
    .map(({ cell }) => ({
      domain: cell('Domain name'),
      type: cell('Domain type'),
      organization: cell('Organization name'),
    }))
    .filter(({ type }) => type === 'City' || type === 'County');

  it('of every listed city and county is admitted under each usual name', () => {
    const held: unknown[] = [];
    let tried = 0;
    for (const { domain, type, organization } of LOCAL) {
      const place = organization.replace(/^City of /, '');
      const bodies = [
        'Police Department',
        'Police Dept.',
        'POLICE DEPARTMENT',
        'Department of Public Safety',
        'Sheriff’s Office',
      ];
      for (const name of [
        ...bodies.map((body) => `${place} ${body}`),
        `${organization} Police`,
        `Police Department of ${place}`,
      ]) {
        const jurisdiction = type === 'City' ? 'municipal' : 'county';
        for (const host of [domain, `police.${domain}`, `www.${domain}`]) {
          tried += 1;
          const came = outcome({ name, jurisdiction, domain: host });
          if (came !== 'admitted') held.push([name, host, came]);
        }
      }
    }
    expect(held).toEqual([]);
    expect(tried).toBeGreaterThan(800);
  });

  it.each([
    ...[
      'Pierce County Sheriff',
      'Nice',
      'Policed',
      'Fairfield BI-County Police',
      'Cicero',
      'Venice Police',
      'Justice Police',
    ],
    ...[
      'Columbus Marshal',
      'Columbus Mint Street Police',
      'Atfield Police',
      'Dearborn Police',
      'Deal Police',
      'Idea Police',
    ],
    ...[
      'Federalsburg Police',
      'Ossining Police',
      'Usher Police',
      'Osceola County Sheriff',
      'Lisle Police',
      'Ilion Police',
    ],
    ...[
      'LaSalle Police',
      'DeKalb County Sheriff',
      'McIntosh County Sheriff',
      'O’Fallon Police',
      'Coeur d’Alene Police',
      'L’Anse Police',
    ],
    ...[
      'St. Mary’s County Sheriff',
      'Prince George’s County Police',
      'Winston-Salem Police',
      'Wilkes-Barre Police',
      'Miami-Dade Police',
    ],
    ...[
      'Town of D Police',
      'Precinct 1 Constable',
      'Precinct 5, Harris County Constable',
      'Police District 18',
      'Ward 8 Police',
    ],
    ...[
      'U. of Somewhere Police',
      'N. Little Rock Police',
      'W. Bend Police',
      'E. St. Louis Police',
      'J. E. B. Stuart Park Police',
    ],
    ...[
      'Barnstable Police',
      'Vernon Police',
      'Fern Creek Police',
      'Bernalillo County Sheriff',
      'Corning Police',
      'Savvy Police',
    ],
    ...[
      'Mobile Police',
      'Secaucus Police',
      'Bureau County Sheriff',
      'Admin Police',
      'Inver Grove Heights Police',
      'Enfield Police',
    ],
    ...[
      'Protection Police',
      'Custer County Sheriff',
      'Marshall County Sheriff',
      'Marshalltown Police',
      'Borden Police',
      'Patrol Police',
    ],
    ...[
      'Española Police',
      'Doña Ana County Sheriff',
      'Cañon City Police',
      'Lindstrøm Police',
      'Łódź Police',
      'Peñasco Marshal',
    ],
    ...[
      'Homeland Police',
      'Homestead Police',
      'Security-Widefield Police',
      'Force Police',
      'Air Police',
      'Coast Police',
    ],
  ])('called %s is neither refused nor held for its name', (name) => {
    expect([names.federalName(name), names.doubtfulName(name)]).toEqual([null, null]);
  });

  it('named after ice waits for a moderator', () => {
    expect(names.federalName('Ice Harbor Police')).toBeNull();
    expect(names.doubtfulName('Ice Harbor Police')).toMatchObject({ words: 'ice' });
  });
});

describe('the list of look-alikes', () => {
  const rows = readTable(data('look-alikes.csv'), ['Written', 'Code point', 'Read as', 'How near'], 1_000);

  it('has each character once, by its code point, and a Latin letter or digit only as “alike”', () => {
    const codesOf = (text: string) =>
      [...text]
        .map((letter) => `U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`)
        .join('+');
    expect(rows.filter(({ cell }) => cell('Code point') !== codesOf(cell('Written'))).map(({ line }) => line)).toEqual(
      [],
    );
    expect(new Set(rows.map(({ cell }) => cell('Written'))).size).toBe(rows.length);
    const isAscii = (text: string) => /^[\x21-\x7e]+$/.test(text);
    for (const { cell } of rows) {
      expect([cell('Written'), isAscii(cell('Read as'))]).toEqual([cell('Written'), true]);
      expect([cell('Written'), isAscii(cell('Written'))]).toEqual([cell('Written'), cell('How near') === 'alike']);
    }
    expect(rows.length).toBeGreaterThan(150);
  });

  it('names its source and licence', () => {
    const line = data('README.md')
      .split('\n')
      .find((one) => one.includes('look-alikes.csv'));
    expect(line).toMatch(/confusables\.txt.*UTS #39.*Unicode License v3/);
  });
});
