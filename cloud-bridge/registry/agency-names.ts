// Finds federal agencies among applicants, which are never served, by their name and host name. Reads both as a person would, and
// compares them with lists: names of federal agencies with sworn officers, and words that require a person's review. Pure.
import { NameSpelling, type Word } from './name-spelling.ts';
import { readTable } from './read-csv-table.ts';

/** Consecutive words from a list. */
interface Phrase {
  words: readonly string[];
  /** Its meaning in the list: a federal agency, or a kind of word. */
  says: string;
  /** Whether it counts only at the beginning of the name. */
  atStart: boolean;
  /** Its words joined, as `looksOf` normalises them. */
  looks: string;
}

/** A phrase that was found in a name. */
export interface FoundPhrase {
  words: string;
  says: string;
}

/** The texts of the files in `data/`. */
export interface NameLists {
  federalAgencies: string;
  nameWords: string;
  lookAlikes: string;
  abbreviations: string;
}

const AGENCY_COLUMNS = ['Agency', 'Names', 'Capitals', 'Looked at', 'Domain names'] as const;
const WORD_COLUMNS = ['Words', 'Meaning'] as const;
const ROWS_MAX = 2_000;
const MEANINGS = ['federal office', 'law enforcement', 'kind of government'] as const;
type Meaning = (typeof MEANINGS)[number];

/** At most so many consecutive words of a name are joined and compared with a phrase ("D H S", "Home land Security"). */
const JOINED_MAX = 12;
/** Phrases of several words are also found inside a word ("Homelandsecuritypolice") from this length on; shorter ones occur by chance. */
const INSIDE_LETTERS_MIN = 9;
/** Words with fewer letters are not compared by `looks` alone: they coincide by chance. */
const ALIKE_LETTERS_MIN = 3;

/** Labels at the end of federal host names. */
const FEDERAL_ENDINGS = ['gov', 'mil'];

export class AgencyNameRules {
  /** Domains of federal bodies; every domain below one counts, too. */
  readonly federalDomains: readonly string[];
  private readonly spelling: NameSpelling;
  private readonly federal: readonly Phrase[];
  /** Federal if written in capitals, or next to words of a federal office. */
  private readonly capitals: readonly Phrase[];
  /** Not proof of a federal agency, but a person must review a name that has one ("task force"). */
  private readonly lookedAt: readonly Phrase[];
  /** The phrases of `federal`, `capitals` and `lookedAt`, by `looks`. */
  private readonly byLooks: ReadonlyMap<string, readonly Phrase[]>;
  /** Those of them that are also found inside a word. */
  private readonly long: readonly Phrase[];
  /** The federal body for each label of federal host names, by `looksOf` the label. */
  private readonly labels: ReadonlyMap<string, string>;
  /** A label with the usual prefix or suffix of federal host names: "usice", "icegov". */
  private readonly governmental: RegExp;
  private readonly meanings: Record<Meaning, readonly Phrase[]>;

  /** Throws a plain `Error` that names the invalid line. */
  constructor(lists: NameLists) {
    this.spelling = new NameSpelling(lists);
    const agencies = readTable(lists.federalAgencies, AGENCY_COLUMNS, ROWS_MAX);
    const of = (column: 'Names' | 'Capitals' | 'Looked at') =>
      agencies.flatMap(({ cell }) => partsOf(cell(column)).map((text) => this.phraseOf(text, cell('Agency'))));
    this.federal = of('Names');
    this.capitals = of('Capitals');
    this.lookedAt = of('Looked at');
    this.federalDomains = agencies.flatMap(({ cell }) => partsOf(cell('Domain names')));
    const all = [...this.federal, ...this.capitals, ...this.lookedAt];
    const byLooks = new Map<string, Phrase[]>();
    for (const phrase of all) byLooks.set(phrase.looks, [...(byLooks.get(phrase.looks) ?? []), phrase]);
    this.byLooks = byLooks;
    this.long = all.filter(({ words, looks }) => words.length > 1 && looks.length >= INSIDE_LETTERS_MIN);
    const ofDomains = agencies.flatMap(({ cell }) =>
      partsOf(cell('Domain names')).flatMap((domain) =>
        labelsOf(domain).map((label) => [label, cell('Agency')] as const),
      ),
    );
    // Single words of `lookedAt` are left out: ordinary host names have them, too ("postal", "customs").
    const ofSeveral = this.lookedAt.filter(({ words }) => words.length > 1);
    const ofNames = [...this.federal, ...this.capitals, ...ofSeveral].map(
      ({ words, says }) => [words.join(''), says] as const,
    );
    const ofHosts = FEDERAL_ENDINGS.map((label) => [label, 'federal host names'] as const);
    const labels = [...ofNames, ...ofDomains, ...ofHosts];
    this.labels = new Map(labels.map(([label, says]) => [this.spelling.looksOf(label), says]));
    this.governmental = new RegExp(
      `^(?:us)?(?<own>.+?)(?:${FEDERAL_ENDINGS.map((end) => this.spelling.looksOf(end)).join('|')})?$`,
    );
    const words = readTable(lists.nameWords, WORD_COLUMNS, ROWS_MAX);
    const unknown = words.find(({ cell }) => !MEANINGS.some((meaning) => meaning === cell('Meaning')));
    if (unknown) throw new Error(`line ${unknown.line} has none of the meanings ${MEANINGS.join(', ')}`);
    const meaning = (wanted: Meaning) =>
      words.filter(({ cell }) => cell('Meaning') === wanted).map(({ cell }) => this.phraseOf(cell('Words'), wanted));
    this.meanings = {
      'federal office': meaning('federal office'),
      'law enforcement': meaning('law enforcement'),
      'kind of government': meaning('kind of government'),
    };
  }

  /** The federal agency that a name claims to be, or to be part of. */
  federalName(name: string): FoundPhrase | null {
    for (const words of this.readings(name)) {
      const isOffice = this.meanings['federal office'].some((phrase) => isIn(words, phrase));
      const federal =
        found(this.federal, words) ?? found(this.capitals, words, !isOffice) ?? asOneWord(this.federal, words);
      if (federal) return federal;
    }
    return null;
  }

  /** The phrase in a non-federal agency's name that requires a person's review. */
  doubtfulName(name: string): FoundPhrase | null {
    for (const words of this.readings(name)) {
      const doubt = found(this.lookedAt, words) ?? found(this.capitals, words) ?? this.nearName(words);
      if (doubt) return doubt;
    }
    return null;
  }

  /** The federal body that the labels of a host name look like, or whose host names have such a label. */
  federalLabel(labels: string): FoundPhrase | null {
    const parts = labels.split(/[.-]+/).map((part) => this.spelling.looksOf(part));
    for (const { looks, isOne } of joinedOf(parts)) {
      const bare = looks.replace(this.governmental, '$<own>');
      const inside = isOne ? this.insideWord(looks)?.says : undefined;
      const says = this.labels.get(looks) ?? this.labels.get(bare) ?? inside;
      if (says !== undefined) return { words: labels, says };
    }
    return null;
  }

  /** Whether a name has words of law enforcement or public safety. */
  isLawEnforcement(name: string): boolean {
    return found(this.meanings['law enforcement'], this.spelling.wordsOf(name)) !== null;
  }

  /** Whether a name has all words that distinguish a government from others of its kind ("Cook" of "Cook County"). */
  namesGovernment(name: string, organization: string): boolean {
    const kinds = new Set(this.meanings['kind of government'].flatMap(({ words }) => words));
    const own = this.spelling.wordsOf(organization).filter(({ text }) => !kinds.has(text));
    const said = new Set(this.spelling.wordsOf(name).map(({ text }) => text));
    return own.length > 0 && own.every(({ text }) => said.has(text));
  }

  /** A name's words split as written, and also split at capitals ("USMarshals", "BostonFBI"). */
  private readings(name: string): Word[][] {
    return [this.spelling.wordsOf(name), this.spelling.wordsByCapitals(name)];
  }

  /** A phrase that the name looks like, with other letters and digits or with blanks in other places. */
  private nearName(words: readonly Word[]): FoundPhrase | null {
    for (const { from, looks, isOne } of joinedOf(words.map(({ text }) => this.spelling.looksOf(text)))) {
      const alike = this.byLooks.get(looks)?.find(({ atStart }) => !atStart || from === 0);
      const inside = isOne ? this.insideWord(looks) : undefined;
      const near = alike && looks.length >= ALIKE_LETTERS_MIN ? alike : inside;
      if (near) return { words: near.words.join(' '), says: near.says };
    }
    return null;
  }

  private insideWord(looks: string): Phrase | undefined {
    return this.long.find((phrase) => looks.includes(phrase.looks));
  }

  /** `^` before a phrase: it counts only at the beginning of a name. */
  private phraseOf(text: string, says: string): Phrase {
    const words = this.spelling.wordsOf(text.replace(/^\^/, '')).map((word) => word.text);
    return { words, says, atStart: text.startsWith('^'), looks: this.spelling.looksOf(words.join('')) };
  }
}

function partsOf(cell: string): string[] {
  return cell
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** The labels of a federal domain before its ending. */
function labelsOf(domain: string): string[] {
  return domain.split('.').slice(0, -1);
}

/** Each word, and consecutive words joined. */
function* joinedOf(words: readonly string[]): Generator<{ from: number; looks: string; isOne: boolean }> {
  for (let from = 0; from < words.length; from += 1) {
    for (let to = from + 1; to <= Math.min(words.length, from + JOINED_MAX); to += 1) {
      yield { from, looks: words.slice(from, to).join(''), isOne: to === from + 1 };
    }
  }
}

function found(phrases: readonly Phrase[], words: readonly Word[], inCapitals = false): FoundPhrase | null {
  const first = phrases.find((phrase) => isIn(words, phrase, inCapitals));
  return first ? { words: first.words.join(' '), says: first.says } : null;
}

/** A phrase of several words that is written as one word. */
function asOneWord(phrases: readonly Phrase[], words: readonly Word[]): FoundPhrase | null {
  const said = new Set(words.map(({ text }) => text));
  const first = phrases.find((phrase) => phrase.words.length > 1 && said.has(phrase.words.join('')));
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
