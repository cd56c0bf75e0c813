// Owns: by which domains and names a federal agency, or a local branch of one, is known, as data with examples of what a rule
// must and must not find. Not here: applying them (eligibility.ts). The examples are the test.

/** Domains of federal bodies; every name below one counts, too. `.mil` and `.fed.us` are nobody else's. */
export const FEDERAL_DOMAINS: readonly string[] = [
  ...['mil', 'fed.us', 'dhs.gov', 'ice.gov', 'cbp.gov', 'uscis.gov', 'tsa.gov', 'fema.gov', 'secretservice.gov'],
  ...[
    'usdoj.gov',
    'justice.gov',
    'fbi.gov',
    'ic.fbi.gov',
    'dea.gov',
    'atf.gov',
    'usmarshals.gov',
    'bop.gov',
    'leo.gov',
  ],
  ...['uscp.gov', 'uspis.gov', 'nps.gov', 'blm.gov', 'fws.gov', 'state.gov', 'treasury.gov', 'irs.gov', 'fincen.gov'],
  ...['uscourts.gov', 'hhs.gov', 'va.gov', 'gsa.gov', 'usda.gov', 'army.mil', 'navy.mil', 'dod.gov', 'defense.gov'],
  ...['uscg.mil', 'cia.gov', 'nsa.gov', 'odni.gov', 'whitehouse.gov', 'senate.gov', 'house.gov', 'ojp.gov', 'riss.net'],
];

/** One way in which a name gives a federal agency away. */
export interface NameRule {
  /** Words in a row, in the spelling of eligibility.ts: small letters, abbreviations without dots. */
  words: readonly string[];
  /** Only where they stand at the beginning of the name. */
  atStart?: true;
  /** Only where the name writes the word in capitals, or does not tell capitals from small letters at all. */
  inCapitals?: true;
  mustFind: readonly string[];
  mustNotFind: readonly string[];
}

const LOCAL_NAMES = ['Springfield Police Department', 'Maricopa County Sheriff’s Office'];

const rule = (
  phrase: string,
  mustFind: readonly string[],
  mustNotFind: readonly string[] = LOCAL_NAMES,
  only: { atStart?: true; inCapitals?: true } = {},
): NameRule => ({ words: phrase.split(' '), ...only, mustFind, mustNotFind });

export const NAME_RULES: readonly NameRule[] = [
  rule(
    'ice',
    ['ICE Chicago Field Office', 'ICE CHICAGO', 'ice chicago', 'Springfield I.C.E. Office', 'Local Branch of ICE'],
    [
      ...['Pierce County Sheriff’s Department', 'Alice Police Department', 'Mercer Police Department'],
      ...[
        'Price Police Department',
        'Ice Harbor Police Department',
        'Venice Police Department',
        'Justice Police Department',
      ],
    ],
    { inCapitals: true },
  ),
  rule('immigration and customs', ['Immigration and Customs Enforcement', 'U.S. Immigration & Customs Enforcement']),
  rule(
    'immigration enforcement',
    ['Springfield Immigration Enforcement Unit'],
    ['Immigration Services of Mercer County'],
  ),
  rule('hsi', ['HSI Dallas', 'H.S.I. Task Force'], ['Shih Police Department', 'Washington Police Department']),
  rule('ero', ['ERO Newark Field Office', 'Detention E.R.O.'], ['Herod Police Department', 'Romero Police Department']),
  rule('enforcement and removal', ['Enforcement and Removal Operations, Newark']),
  rule('cbp', ['CBP Laredo', 'C.B.P. Buffalo Field Office']),
  rule('usbp', ['USBP El Paso Sector']),
  rule('uscis', ['USCIS Fraud Detection']),
  rule('dhs', ['DHS Region 5', 'D.H.S. Springfield']),
  rule('customs and border', ['Customs and Border Protection', 'Customs & Border Protection, Detroit']),
  rule(
    'border patrol',
    ['Tucson Sector Border Patrol'],
    ['Border City Police Department', 'Patrol Division, Mercer Police'],
  ),
  rule(
    'department of homeland security',
    ['Department of Homeland Security', 'Dept. of Homeland Security, Chicago'],
    ['Dearborn Office of Homeland Security and Emergency Management', 'Homeland Police Department'],
  ),
  rule('homeland security investigations', ['Homeland Security Investigations Tampa']),
  rule('fbi', ['FBI Springfield Field Office', 'F.B.I.', 'fbi'], ['Fabius Police Department']),
  rule(
    'federal bureau',
    ['Federal Bureau of Investigation', 'Federal Bureau of Prisons'],
    ['Federal Way Police Department', 'Federal Heights Police Department'],
  ),
  rule('federal protective', ['Federal Protective Service']),
  rule('federal task force', ['Springfield Federal Task Force'], ['Federal Way Task Force']),
  rule('federal agency', ['A Federal Agency of Springfield']),
  rule('joint terrorism task force', ['Joint Terrorism Task Force, Boston']),
  rule('jttf', ['Boston JTTF']),
  rule('hidta', ['Appalachia HIDTA']),
  rule('usms', ['USMS Northern District']),
  rule(
    'marshals service',
    ['Marshals Service, Eastern District'],
    ['Town Marshal of Mercer', 'Marshall County Sheriff'],
  ),
  rule('us marshal', ['US Marshal Springfield'], ['Marshal of Mercer', 'Marshalltown Police Department']),
  rule('us marshals', ['U.S. Marshals, Gulf Coast'], ['Marshall Police Department']),
  rule('secret service', ['Secret Service Denver Field Office']),
  rule('usss', ['USSS Denver']),
  rule('dea', ['DEA Houston Division', 'D.E.A.'], ['Deadwood Police Department', 'Dean Police Department']),
  rule('drug enforcement administration', ['Drug Enforcement Administration'], ['Mercer Drug Enforcement Unit']),
  rule('atf', ['ATF Phoenix'], ['Hatfield Police Department']),
  rule('alcohol tobacco firearms', ['Bureau of Alcohol, Tobacco, Firearms and Explosives']),
  rule('postal inspection', ['Postal Inspection Service']),
  rule('postal inspector', ['Springfield Postal Inspector']),
  rule('bureau of indian affairs', ['Bureau of Indian Affairs Police']),
  rule('national park service', ['National Park Service Rangers'], ['Park Police of Mercer']),
  rule('tsa', ['TSA Logan Airport'], ['Tsalagi Police Department']),
  rule('united states', ['United States Capitol Police', 'Police of the United States'], ['States Attorney of Mercer']),
  rule('us', ['U.S. Park Police', 'US Attorney, Northern District'], ['Usher Police Department', 'Police Near US 30'], {
    atStart: true,
  }),
  rule('287 g', ['287(g) Task Force of Mercer County'], ['Police District 287, Garland']),
];
