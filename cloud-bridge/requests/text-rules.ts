// Forbidden subjects of requests, as data: words that point to them, why, and examples that a test checks. A finding is for a person to
// judge and blocks nothing by itself.

export interface TextRule {
  /** The forbidden subject, named as in the public rules. */
  kind:
    | 'lawful-activity'
    | 'announcement'
    | 'hate-or-profiling'
    | 'race-only'
    | 'harassment'
    | 'victim-data'
    | 'pressure'
    | 'immigration'
    | 'link';
  why: string;
  pattern: RegExp;
  /** Marks the allowed case: if it matches, too, the rule finds nothing. */
  unless?: RegExp;
  mustFind: readonly string[];
  mustNotFind: readonly string[];
}

const THEFT = 'A parcel was taken from a porch on Maple Street. If your camera saw the street, please share it.';
const BURGLARY = 'Burglary at a hardware shop. A white van left towards the river. We look for footage of the van.';

const RACES =
  '(?:black|white|brown|hispanic|latino|latina|asian|arab|african[- ]american|native american|middle[- ]eastern|gypsy|roma)';
const PEOPLE =
  '(?:m[ae]n|wom[ae]n|males?|females?|persons?|people|individuals?|teens?|teenagers?|youths?|boys?|girls?|guys?|subjects?|suspects?)';
/** Details that distinguish a person: clothes, a vehicle, build. */
const DESCRIPTION =
  /\b(?:wearing|jacket|hoodie|shirt|jeans|trousers|shorts|dress|hat|cap|mask|backpack|bag|shoes|boots|beard|glasses|tattoo|scar|limp|tall|short|feet|foot|cm|built|build|hair|bald|aged?|years?[- ]old|driving|truck|van|car|sedan|suv|bike|bicycle|scooter|motorcycle|plate)\b/iu;

export const TEXT_RULES: readonly TextRule[] = [
  {
    kind: 'lawful-activity',
    why: 'It seems to be about a protest, a strike, worship or another lawful activity.',
    pattern:
      /\b(?:protest\w*|demonstrat(?:ion|ions|or|ors)|rally|rallies|marchers|picket\w*|vigil|sit-in|boycott\w*|activists?|organi[sz]ers|strikers|petition(?:ers?|ing)|leaflet\w*|canvass(?:ing|ers)|polling (?:place|station)|church|mosque|synagogue|temple|congregation|worship\w*|union meeting|black lives matter|pride (?:parade|march))\b/iu,
    mustFind: [
      'Who took part in the protest at city hall?',
      'Footage of demonstrators leaving the square.',
      'Looking for people who left the mosque on Friday.',
      'The marchers passed Elm Street at noon.',
      'Union organisers were seen leafleting.',
    ],
    mustNotFind: [THEFT, BURGLARY, 'A driver hit a cyclist on March Street and left.', 'A car struck a wall.'],
  },
  {
    kind: 'announcement',
    why: 'It announces something instead of asking for footage of an incident.',
    pattern:
      /\b(?:we are (?:happy|proud|pleased) to|join us|save the date|open house|town hall meeting|coffee with a cop|recruit(?:ing|ment)|we are hiring|fundrais\w+|please remember to|public service announcement|road closures?|follow us on|national night out)\b|\breminder:/iu,
    mustFind: [
      'Join us for coffee with a cop on Saturday.',
      'Reminder: lock your cars.',
      'We are hiring dispatchers.',
      'Road closure on Main Street all week.',
    ],
    mustNotFind: [THEFT, BURGLARY, 'The suspects left by a closed road.'],
  },
  {
    kind: 'hate-or-profiling',
    why: 'It describes people by what they are suspected for being, not by what happened.',
    pattern:
      /\b(?:illegals?|aliens?|thugs?|gypsies|vagrants?|bums|junkies|foreign[- ]looking|do(?:es)?(?:n[’']t| not) belong (?:here|there|in (?:this|our))|look(?:s|ed|ing)? out of place|not from (?:here|around here|this neighbou?rhood)|those people|terrorist[- ]looking|speak(?:s|ing)? (?:no english|a foreign language)|in a (?:turban|hijab|burka|burqa))\b/iu,
    mustFind: [
      'Two men who look out of place were walking here.',
      'Any footage of thugs near the park?',
      'A woman in a hijab was near the school.',
      'People who don’t belong here.',
      'A foreign-looking man.',
    ],
    mustNotFind: [THEFT, BURGLARY, 'The bicycle does not belong to its rider.', 'A bumper was damaged.'],
  },
  {
    kind: 'race-only',
    why: 'A person’s race is given and nothing else that would tell them from others.',
    pattern: new RegExp(
      String.raw`\b${RACES}\s+${PEOPLE}\b|\b${PEOPLE}\s+(?:of colou?r|who (?:is|was|are|were) ${RACES})\b`,
      'iu',
    ),
    unless: DESCRIPTION,
    mustFind: [
      'Looking for a Black male in the area.',
      'Two Hispanic men were seen.',
      'The suspect was a white man.',
      'A person of color was near the shop.',
    ],
    mustNotFind: [
      THEFT,
      BURGLARY,
      'A white man, about 30 years old, wearing a red jacket.',
      'A black truck left the scene.',
      'A Black woman with short hair and a green backpack ran east.',
    ],
  },
  {
    kind: 'harassment',
    why: 'It is aimed at a person or household rather than an incident.',
    pattern:
      /\b(?:my (?:ex|neighbou?r|wife|husband|girlfriend|boyfriend|daughter’s boyfriend)|ex-?(?:wife|husband|girlfriend|boyfriend)|custody (?:dispute|battle)|teach (?:him|her|them) a lesson|keep an eye on (?:him|her|them|this (?:man|woman|family|house))|who (?:visits|comes and goes)|comings and goings|watch (?:this|that) (?:house|family|man|woman)|personal (?:reasons|matter|use))\b/iu,
    mustFind: [
      'We want to see who visits the house at the corner.',
      'Keep an eye on this family.',
      'My ex-wife drove past.',
      'It concerns a custody dispute.',
    ],
    mustNotFind: [THEFT, BURGLARY, 'A visitor of the museum was robbed.', 'A family reported the theft of a watch.'],
  },
  {
    kind: 'victim-data',
    why: 'It seems to tell who the victim is, or how to find them.',
    pattern:
      /\b(?:(?:the )?victim(?:[’']s|,| is| was| named)?\s+(?!of\b)(?:mr|mrs|ms|miss|dr)?\.?\s?\p{Lu}\p{Ll}+ \p{Lu}\p{Ll}+|(?:victim|patient|complainant)[’']s (?:name|address|phone|number|home|employer|school|date of birth|medical)|(?:victim|complainant) (?:lives|resides|works) (?:at|on|in)|social security number|ssn|\d{3}-\d{2}-\d{4}|date of birth|sexual assault victim)\b/u,
    unless: /\bmissing (?:person|child|girl|boy|man|woman|teen|teenager|juvenile|senior)\b/iu,
    mustFind: [
      'The victim, Jane Miller, was attacked at the corner.',
      'The victim lives at 12 Elm Street.',
      'The victim’s phone was traced.',
      'SSN is no use: ssn 123-45-6789.',
    ],
    mustNotFind: [
      THEFT,
      BURGLARY,
      'Missing child: the victim, Jane Miller, 9 years old, was last seen at the park.',
      'The victim was not hurt.',
      'A victim of fraud reported a white van.',
    ],
  },
  {
    kind: 'pressure',
    why: 'It puts pressure on residents: taking part is voluntary.',
    pattern:
      /\b(?:you (?:must|have to|are required to|are obliged to|are legally)|required by law|mandatory|failure to (?:comply|respond|share|cooperate)|will be (?:fined|prosecuted|charged|arrested|subpoenaed|noted)|obstruct(?:ion|ing)|we will (?:come|visit|know who)|if you have nothing to hide|refus(?:al|ing) (?:will|may|to)|last warning|warrant will|comply|do your duty|we know (?:that )?you)\b/iu,
    mustFind: [
      'You must share your footage.',
      'Failure to respond may be an offence.',
      'If you have nothing to hide, share it.',
      'Owners who refuse will be prosecuted.',
      'We know you have a camera.',
    ],
    mustNotFind: [THEFT, BURGLARY, 'Sharing is up to you.', 'Charges against a suspect are pending.'],
  },
  {
    kind: 'immigration',
    why: 'It seems to serve the enforcement of immigration law, which nobody may ask footage for here.',
    pattern:
      /\b(?:immigra\w*|deport\w*|undocumented|removal (?:order|proceedings)|detainer|customs and border|border patrol|work permits?|green card|visa (?:status|overstay\w*)|usc?is|hsi|cbp|\bero\b)\b|\bI\.?C\.?E\.?(?=\s+(?:agents?|officers?|hold|detainer|warrant|operation|raid)\b)/iu,
    mustFind: [
      'Subject of an immigration detainer.',
      'Assist ICE agents with an operation.',
      'Looking for undocumented workers.',
      'A removal order was issued for him.',
      'On behalf of HSI.',
    ],
    mustNotFind: [THEFT, BURGLARY, 'An ice machine was stolen from the diner.', 'Police of Pierce County ask.'],
  },
  {
    kind: 'link',
    why: 'It sends residents elsewhere: footage is shared here, under consent, or not at all.',
    pattern: /\bhttps?:|\bwww\.|<[a-z!/]|\b[a-z0-9-]+\.(?:com|net|org|info|biz|ly|me|io)\b/iu,
    mustFind: ['Upload it at https://example.test/x.', '<b>Important</b>', 'Send it to tips.example.com'],
    mustNotFind: [THEFT, BURGLARY, 'It cost 4.50 dollars.'],
  },
];
