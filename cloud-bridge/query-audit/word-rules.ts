// The rules about words, as data: what each matches, the contexts that excuse it, why it matters, and examples that a test checks. All
// patterns apply to `wordsOf` texts.

export type Severity = 'grave' | 'serious' | 'minor';

export interface WordRule {
  id: string;
  /** `purpose`: of these only the first match counts. `concern`: each counts. */
  group: 'purpose' | 'concern';
  /** The typed texts, or the entry of the offence drop-down. */
  reads: 'words' | 'offense';
  severity: Severity;
  pattern: RegExp;
  /** Phrases that are removed before the pattern is applied. */
  unless?: RegExp;
  /** No flag if the text names a crime: it is then about the crime. */
  yieldsToCrime?: boolean;
  why: string;
  mustFlag: readonly string[];
  mustNotFlag: readonly string[];
}

/** Words for posing as somebody. */
const POSING =
  '(?:impersonat\\w*|posing|posed|pretend\\w*|fake|fraudulent|bogus|phony|claim(?:ed|ing|s)?|dressed|disguised)(?: (?!assist)\\w+){0,3}?';
const STREET = '(?:st|str|street|rd|road|ave|avenue|dr|drive|blvd|ln|lane|ct|court|way|hwy|pkwy)';

/** Ice in other senses: cold, sold, skated on or smoked. */
const COLD_ICE = new RegExp(
  [
    '\\bice (?:machines?|cream|creams|rinks?|arenas?|box|boxes|chests?|makers?|picks?|storms?|skat\\w+|hockey|fishing|fisher\\w*|houses?|cubes?|packs?|bags?|road|roads|tea|age|water|plant|company|coolers?|buckets?|breakers?|delivery|merchandisers?|vending|freezers?|pipes?|meth\\w*|sculptures?|scrapers?|sales?|dealers?|melt|center|centre|castle|crystals?|vendor)\\b',
    `\\bice(?: \\w+)? ${STREET}\\b`,
    '\\b(?:black|dry|crystal|meth|methamphetamine|thin|shaved|crushed|italian|sold|selling|sells|bought|buying|smoking|under|vanilla) ice\\b',
    '\\b(?:bags?|blocks?|patch|patches|sheet|layer|grams?|oz|ounces?|pounds?|lbs?|kilos?|possession|sale|sales|theft) of ice\\b',
    '\\b(?:slid|slick|slipped|crash\\w*|wreck\\w*|accident|spun|lost control|fell|skidd?ed|collision)(?: \\w+){0,2} ice\\b',
    `\\b${POSING} ice(?: \\w*)?(?: (?:agents?|officers?|badges?|raids?|uniforms?))?\\b`,
    '\\bice (?:and|or) (?:snow|heroin|fentanyl|cocaine|weed)\\b|\\b(?:snow|heroin|fentanyl|cocaine|weed) (?:and|or) ice\\b',
    '\\bin case of emergency ice\\b|\\bice (?:emergency )?contacts?\\b',
  ].join('|'),
  'g',
);

/** Crimes against immigrants or about immigration papers, and people who pose as officers. */
const IMMIGRATION_VICTIM = new RegExp(
  [
    '\\bimmigra\\w*(?: \\w+){0,2} (?:scams?|lawyers?|attorneys?|victims?|extortion)\\b',
    '\\bimmigra\\w* (?:law )?(?:office|firm|clinic|services)\\b',
    '\\b(?:victims?|scams?|notario)(?: \\w+){0,4}? immigra\\w*(?: fraud)?',
    `\\b${POSING} immigra\\w*`,
  ].join('|'),
  'g',
);

/** Departments of human services use the same three letters. */
const HUMAN_SERVICES =
  /\b(?:human services|social services|child welfare|foster|cps|medicaid|benefits|snap)(?: \w+){0,3}? dhs\b|\bdhs (?:case ?workers?|case (?:workers?|managers?)|social|child\w*|foster|welfare|benefits|clients?|custody|guardian\w*|adult|elder|cps|juvenile|kid\w*|medicaid|snap)\b/g;

export const WORD_RULES: readonly WordRule[] = [
  {
    id: 'ice-hold',
    group: 'purpose',
    reads: 'words',
    severity: 'grave',
    pattern:
      /\bice (?:\w+ ){0,2}?(?:holds?|detainers?|warrants?)\b|\b(?:holds?|detainers?|warrants?)(?: \w+){0,2}? ice\b/,
    unless: COLD_ICE,
    why: 'It names a hold, detainer or warrant of Immigration and Customs Enforcement, which no court has signed.',
    mustFlag: ['ICE hold', 'ice admin warrant Garcia', 'Detainer for ICE', 'I.C.E. detainer'],
    mustNotFlag: ['felony warrant, ice machine theft', 'warrant service Rice', 'police hold', 'warrant: sale of ice'],
  },
  {
    id: 'ice',
    group: 'purpose',
    reads: 'words',
    severity: 'grave',
    pattern: /\bice\b|\bi c e\b|\bimmigration and customs\b/,
    unless: COLD_ICE,
    why: 'It names Immigration and Customs Enforcement.',
    mustFlag: ['ICE', 'assist ice', 'I.C.E', 'i c e', '\u0406\u0421\u0415 assist', 'ICE/task force', 'for ICE agents'],
    mustNotFlag: [
      ...['ice machine theft', 'Pierce', 'Alice', 'police', 'service', 'ICE CREAM truck robbery', 'black ice crash'],
      ...[
        'theft on Rice St',
        'Ice House Rd',
        'robbers posing as ICE agents',
        'sold ice to informant',
        'price',
        'office',
      ],
      ...['slid on ice, left scene', 'justice', 'juice', 'notice', 'suspect Bice', 'advice', 'Venice'],
    ],
  },
  {
    id: 'hsi',
    group: 'purpose',
    reads: 'words',
    severity: 'grave',
    pattern: /\bhsi\b|\bhomeland security investigations?\b/,
    unless: new RegExp(`\\b${POSING} hsi\\b`, 'g'),
    why: 'It names Homeland Security Investigations, a branch of Immigration and Customs Enforcement.',
    mustFlag: ['HSI', 'h.s.i. assist', 'per HSI/TF', 'homeland security investigations'],
    mustNotFlag: ['chsi', 'CHSI tip', 'hsis', 'Chisholm', 'fake HSI agent'],
  },
  {
    id: 'ero',
    group: 'purpose',
    reads: 'words',
    severity: 'grave',
    pattern: /\bero\b|\benforcement (?:and )?removal\b/,
    why: 'It names Enforcement and Removal Operations.',
    mustFlag: ['ERO', 'E.R.O. fugitive team', 'enforcement and removal ops'],
    mustNotFlag: ['hero', 'zero', 'Erosion', 'heroin', 'Romero', 'Eros'],
  },
  {
    id: 'border',
    group: 'purpose',
    reads: 'words',
    severity: 'grave',
    pattern: /\b(?:cbp|usbp|border patrol\w*|customs and border)\b/,
    unless:
      /\bstolen (?:\w+ ){0,3}?(?:cbp|border patrol)\b|\b(?:cbp|border patrol) stolen\b|\b(?:border patrol|cbp)(?: \w+)? (?:as )?victim\b/g,
    why: 'It names the border patrol.',
    mustFlag: ['CBP', 'assist USBP', 'Border Patrol req', 'border-patrol'],
    mustNotFlag: ['border dispute', 'cbps', 'Border St', 'patrol', 'stolen border patrol vehicle'],
  },
  {
    id: 'deportation',
    group: 'purpose',
    reads: 'words',
    severity: 'grave',
    pattern: /\bdeport(?:s|ed|ing|ees?|able|ations?)?\b|\b(?:removal orders?|orders? of removal|orders? for removal)\b/,
    unless: /\border of removal from (?:home|residence|premises|property)\b/g,
    why: 'It is about deporting somebody.',
    mustFlag: ['deport', 'prev. deported felon', 'final removal order', 'order of removal'],
    mustNotFlag: [
      'deportment',
      'tree removal scam',
      'snow removal',
      'Deportes store',
      'reporter',
      'order of protection',
    ],
  },
  {
    id: 'dhs',
    group: 'purpose',
    reads: 'words',
    severity: 'grave',
    pattern: /\bdhs\b|\bhomeland security\b/,
    unless: HUMAN_SERVICES,
    why: 'It names the Department of Homeland Security.',
    mustFlag: ['DHS', 'assist D.H.S.', 'DHS request', 'Homeland Security'],
    mustNotFlag: ['DHS caseworker threatened', 'department of human services fraud, DHS', 'ndhs', 'DHS child welfare'],
  },
  {
    id: 'uscis',
    group: 'purpose',
    reads: 'words',
    severity: 'grave',
    pattern: /\buscis\b|\bcitizenship and immigration services?\b/,
    why: 'It names Citizenship and Immigration Services.',
    mustFlag: ['USCIS', 'uscis referral'],
    mustNotFlag: ['USPS', 'cis unit', 'muscis'],
  },
  {
    id: 'immigration-offense',
    group: 'purpose',
    reads: 'offense',
    severity: 'grave',
    pattern: /\bimmigra/,
    why: 'Immigration was chosen as the offence.',
    mustFlag: ['Immigration', 'Immigration (Criminal)'],
    mustNotFlag: ['Motor Vehicle Theft', 'Migrant Safety', ''],
  },
  {
    id: 'immigration',
    group: 'purpose',
    reads: 'words',
    severity: 'grave',
    pattern: /\b(?:immigra|imigra|immgra|immigat|imm?irga|immigr[it])/,
    unless: IMMIGRATION_VICTIM,
    why: 'It is about immigration.',
    mustFlag: ['immigration', 'illegal immigrant', 'IMMIGRATION ENF', 'Imigration', 'immigrants at Oak St'],
    mustNotFlag: ['immigration scam call', 'impersonating immigration officer', 'immediate', 'migraine', 'emigrate'],
  },
  {
    id: 'immigration-status',
    group: 'purpose',
    reads: 'words',
    severity: 'grave',
    pattern: /\b(?:undocumented|illegal aliens?|criminal aliens?|287 ?g)\b/,
    unless: /\bvictims?(?: \w+){0,3}? undocumented\b|\bundocumented(?: \w+){0,2} victims?\b/g,
    why: 'It is about somebody\u2019s right to be in the country, or the programme that has local police enforce it.',
    mustFlag: ['undocumented male', 'illegal alien', '287(g)'],
    mustNotFlag: ['victim undocumented, robbery', 'case 287', 'alien sticker on bumper'],
  },
  {
    id: 'protest',
    group: 'concern',
    reads: 'words',
    severity: 'serious',
    pattern:
      /\b(?:protest(?:s|er|ers|or|ors|ing|ed)?|demonstrat(?:ions?|ors?|ing)|activists?|marchers|no kings|rally (?:\w+ )?(?:participants?|attendees?|goers|organi[sz]ers?)|political rall(?:y|ies))\b/,
    yieldsToCrime: true,
    why: 'It is about people who protest, which is lawful.',
    mustFlag: ['protest', 'track protest attendees', 'id protestors', 'activist Miller, intel'],
    mustNotFlag: ['hit and run at protest', 'protester assaulted', 'Protestant church burglary', 'March 5 theft'],
  },
  {
    id: 'reproductive-care',
    group: 'concern',
    reads: 'words',
    severity: 'serious',
    pattern: /\babortions?\b|\bplanned parenthood\b|\babortion\w*\b/,
    yieldsToCrime: true,
    why: 'It is about reproductive care.',
    mustFlag: ['abortion', 'had an abortion, search for female', 'planned parenthood visitor'],
    mustNotFlag: ['abortion clinic bomb threat', 'pursuit aborted', 'planned burglary'],
  },
  {
    id: 'religion',
    group: 'concern',
    reads: 'words',
    severity: 'serious',
    pattern:
      /\b(?:muslims?|islam|islamic|islamist|mosques?|synagogues?|imams?|hijab|worshipp?ers?|church ?goers|(?:church|temple|mosque) (?:members?|attendees?)|religious group)\b/,
    yieldsToCrime: true,
    why: 'It picks people by their religion.',
    mustFlag: ['muslim male', 'mosque', 'identify worshippers'],
    mustNotFlag: ['church burglary', 'vandalism at mosque', 'theft from synagogue van', 'Church St'],
  },
  {
    id: 'press',
    group: 'concern',
    reads: 'words',
    severity: 'serious',
    pattern: /\b(?:journalists?|reporters?|news ?crews?|press (?:leak|pass|source)|media (?:leak|source))\b/,
    yieldsToCrime: true,
    why: 'It is about the press and its sources.',
    mustFlag: ['journalist', 'find reporter', 'press leak inv'],
    mustNotFlag: ['reporter robbed of camera', 'printing press theft', 'express lane', 'bench press'],
  },
  {
    id: 'custody-dispute',
    group: 'concern',
    reads: 'words',
    severity: 'serious',
    pattern:
      /\b(?:(?:child|civil|family|joint) custody|custody (?:disputes?|battle|exchange|issues?|orders?|case|matter|fight|hearing)|visitation)\b/,
    yieldsToCrime: true,
    why: 'It is a dispute for a civil court, not an investigation.',
    mustFlag: ['custody dispute', 'child custody', 'custody issue w/ ex'],
    mustNotFlag: ['fled from custody', 'custodial interference', 'evidence custody', 'child custody kidnapping'],
  },
  {
    id: 'personal-use',
    group: 'concern',
    reads: 'words',
    severity: 'serious',
    pattern:
      /\bpersonal (?:use|reasons?|business|interest|matter)\b|^personal$|\bmy (?:ex|own|wife|wifes|husband|girlfriends?|boyfriends?|neighbou?rs?|car|truck|son|daughter|friends?|brother|sister|landlord|tenant)\b|^ex (?:wife|husband|girlfriend|boyfriend)$|\b(?:wife|husband|girlfriend|boyfriend|ex)s? (?:location|whereabouts)\b|\bcurious\b|\bcuriosity\b/,
    yieldsToCrime: true,
    why: 'It is for the officer\u2019s own ends.',
    mustFlag: ['personal use', 'my ex', 'checking on my ex wife', 'ex girlfriend', 'curious'],
    mustNotFlag: ['personal check fraud', 'my dept case', 'ex boyfriend violating protection order', 'personal injury'],
  },
  {
    id: 'no-purpose',
    group: 'concern',
    reads: 'words',
    severity: 'minor',
    pattern: /^(?:n ?a|none|na|x+|asdf\w*|unknown|unk|no reason)?$/,
    why: 'No purpose is given.',
    mustFlag: ['', '.', 'N/A', 'none', '---'],
    mustNotFlag: ['nav', 'nonemergency', 'inv'],
  },
];

/** Words that name a crime, or a victim of one. */
export const NAMED_CRIME =
  /\b(?:assault\w*|robb\w+|burglar\w*|theft|thefts|stolen|steal\w*|arson\w*|fire|homicide|murder\w*|shoot\w*|shots?|shot|stab\w*|kidnap\w*|abduct\w*|amber|interference|hit and run|h ?r|hit|struck|crash\w*|vandal\w*|graffiti|criminal mischief|damage\w*|threats?|threaten\w*|bomb\w*|hate crime|hate crimes|victims?|injur\w+|homicid\w*|carjack\w*|fraud|scam\w*|extort\w*|trespass\w*|weapon\w*|gun\w*|firearm\w*|violat\w+|missing|stalk\w*|dui|domestic|battery|death|fatal|knife\w*|protection order|protective order|restraining)\b/;
