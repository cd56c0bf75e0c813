// Owns: reading an agency's name as a person would, and comparing it with lists: names of federal agencies with
// sworn officers, words that require a person's review. Pure. Not here: the lists (data/), what follows (eligibility.ts).
import { readTable } from './read-csv-table.ts';

/** A word of a name, without accents; dots in abbreviations removed ("U.S." is "us"), "&" read as "and", "Dept" in full. */
interface Word {
  text: string;
  isCapitals: boolean;
}

/** Consecutive words that tell something about a name. */
interface Phrase {
  words: readonly string[];
  /** What the list says about it: an agency, or a kind of word. */
  says: string;
  /** Whether it counts only at the beginning of the name. */
  atStart: boolean;
}

/** A phrase that was found in a name. */
export interface FoundPhrase {
  words: string;
  says: string;
}

const AGENCY_COLUMNS = ['Agency', 'Names', 'Capitals', 'Looked at', 'Domain names'] as const;
const WORD_COLUMNS = ['Words', 'Meaning'] as const;
const ROWS_MAX = 2_000;
const MEANINGS = ['federal office', 'law enforcement', 'kind of government'] as const;
type Meaning = (typeof MEANINGS)[number];

/** The lists against which agencies' names are checked. */
export class AgencyNames {
  /** Domains of federal bodies; every domain below one counts, too. */
  readonly federalDomains: readonly string[];
  private readonly federal: readonly Phrase[];
  /** Federal if written in capitals, or beside the words of a federal office. */
  private readonly capitals: readonly Phrase[];
  private readonly lookedAt: readonly Phrase[];
  private readonly meanings: Record<Meaning, readonly Phrase[]>;

  /** Takes the texts of `data/federal-agencies.csv` and `data/name-words.csv`. Throws a plain `Error` that names the invalid line. */
  constructor(federalAgencies: string, nameWords: string) {
    const agencies = readTable(federalAgencies, AGENCY_COLUMNS, ROWS_MAX);
    const of = (column: 'Names' | 'Capitals' | 'Looked at') =>
      agencies.flatMap(({ cell }) => partsOf(cell(column)).map((text) => phraseOf(text, cell('Agency'))));
    this.federal = of('Names');
    this.capitals = of('Capitals');
    this.lookedAt = of('Looked at');
    this.federalDomains = agencies.flatMap(({ cell }) => partsOf(cell('Domain names')));
    const words = readTable(nameWords, WORD_COLUMNS, ROWS_MAX);
    const unknown = words.find(({ cell }) => !MEANINGS.some((meaning) => meaning === cell('Meaning')));
    if (unknown) throw new Error(`line ${unknown.line} has none of the meanings ${MEANINGS.join(', ')}`);
    const meaning = (wanted: Meaning) =>
      words.filter(({ cell }) => cell('Meaning') === wanted).map(({ cell }) => phraseOf(cell('Words'), wanted));
    this.meanings = {
      'federal office': meaning('federal office'),
      'law enforcement': meaning('law enforcement'),
      'kind of government': meaning('kind of government'),
    };
  }

  /** The federal agency that a name claims to be, or to be part of; null when there is none. */
  federalName(name: string): FoundPhrase | null {
    const words = wordsOf(name);
    const isOffice = this.meanings['federal office'].some((phrase) => isIn(words, phrase));
    return found(this.federal, words) ?? found(this.capitals, words, !isOffice);
  }

  /** What in the name of a non-federal agency requires a person's review; null when nothing does. */
  doubtfulName(name: string): FoundPhrase | null {
    const words = wordsOf(name);
    return found(this.lookedAt, words) ?? found(this.capitals, words);
  }

  /** Whether a name says that it is about law enforcement or public safety. */
  isLawEnforcement(name: string): boolean {
    return found(this.meanings['law enforcement'], wordsOf(name)) !== null;
  }

  /** Whether a name has every word that distinguishes a government from others of its kind ("Cook" of "Cook County"). */
  namesGovernment(name: string, organization: string): boolean {
    const kinds = new Set(this.meanings['kind of government'].flatMap(({ words }) => words));
    const own = wordsOf(organization).filter(({ text }) => !kinds.has(text));
    const said = new Set(wordsOf(name).map(({ text }) => text));
    return own.length > 0 && own.every(({ text }) => said.has(text));
  }
}

function partsOf(cell: string): string[] {
  return cell
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** `^` before a phrase: it counts only at the beginning of a name. */
function phraseOf(text: string, says: string): Phrase {
  const words = wordsOf(text.replace(/^\^/, '')).map((word) => word.text);
  return { words, says, atStart: text.startsWith('^') };
}

function wordsOf(name: string): Word[] {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/[\p{M}\p{Cf}]/gu, '')
    .replaceAll('&', ' and ')
    .replaceAll(/\b(?:\p{L}[.\s]\s?){1,6}\p{L}\b\.?/gu, (letters) => letters.replaceAll(/[.\s]/g, ''));
  // In a name that is all capitals or all small letters, every word counts as capitals: the stricter reading.
  const isOneCase = !/\p{Ll}/u.test(plain) || !/\p{Lu}/u.test(plain);
  return (plain.match(/[\p{L}\p{N}]+/gu) ?? [])
    .map((word) => ({
      text: word.toLowerCase() === 'dept' ? 'department' : word.toLowerCase(),
      isCapitals: isOneCase || word === word.toUpperCase(),
    }))
    .filter(({ text }) => text !== 'the');
}

function found(phrases: readonly Phrase[], words: readonly Word[], inCapitals = false): FoundPhrase | null {
  const first = phrases.find((phrase) => isIn(words, phrase, inCapitals));
  return first ? { words: first.words.join(' '), says: first.says } : null;
}

function isIn(words: readonly Word[], { words: phrase, atStart }: Phrase, inCapitals = false): boolean {
  const last = atStart ? 0 : words.length - phrase.length;
  for (let at = 0; at <= last; at += 1) {
    const fits = phrase.every((word, offset) => {
      const said = words[at + offset];
      return said?.text === word && (!inCapitals || said.isCapitals);
    });
    if (fits) return true;
  }
  return false;
}
