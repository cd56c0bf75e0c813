// The words of a name however it is spelled: look-alike letters, letters separated by dots or hyphens, abbreviations. Pure.
import { readTable } from './read-csv-table.ts';

/**
 * A word of a name: without accents, look-alike letters replaced by Latin ones, separators between single letters removed ("U.S." and
 * "F-B-I" are "us" and "fbi"), "&" read as "and", abbreviations in full.
 */
export interface Word {
  text: string;
  isCapitals: boolean;
}

const LOOKS_COLUMNS = ['Written', 'Read as', 'How near'] as const;
const SHORT_COLUMNS = ['Short', 'Word'] as const;
const ROWS_MAX = 2_000;

const ASCII = /^\p{ASCII}*$/u;
/** An abbreviation with separators between its letters. */
const SPELLED_OUT = /(?<![\p{L}\p{N}])(?:\p{L}[\p{P}\p{S}\s]{1,3}){1,11}\p{L}(?![\p{L}\p{N}])/gu;
/** A possessive ending is not a letter of an abbreviation. */
const POSSESSIVE = /['’ʼ‘`´]s(?![\p{L}\p{N}])/giu;
/** Where a capital starts a new word: "BostonFBI", "USMarshals". */
const CAPITAL_SEAM = /(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu;

export class NameSpelling {
  /** Letters that are always read as a Latin one. */
  private readonly same: ReadonlyMap<string, string>;
  /** Characters that look like a letter but are also common as themselves, the longest first. */
  private readonly alike: readonly (readonly [string, string])[];
  private readonly abbreviations: ReadonlyMap<string, string>;

  /** Takes the texts of `data/look-alikes.csv` and `data/abbreviations.csv`. Throws a plain `Error` that names the invalid line. */
  constructor({ lookAlikes, abbreviations }: { lookAlikes: string; abbreviations: string }) {
    const rows = readTable(lookAlikes, LOOKS_COLUMNS, ROWS_MAX);
    const wrong = rows.find(({ cell }) => cell('Read as') === '' || !['same', 'alike'].includes(cell('How near')));
    if (wrong) throw new Error(`line ${wrong.line} reads nothing, or is neither same nor alike`);
    const near = (how: string) =>
      rows
        .filter(({ cell }) => cell('How near') === how)
        .map(({ cell }) => [cell('Written'), cell('Read as')] as const);
    this.same = new Map(near('same'));
    this.alike = [...near('alike')].sort(([one], [other]) => other.length - one.length);
    const short = readTable(abbreviations, SHORT_COLUMNS, ROWS_MAX);
    this.abbreviations = new Map(short.map(({ cell }) => [cell('Short'), cell('Word')]));
  }

  wordsOf(name: string): Word[] {
    const latin = this.latin(name);
    // In a name that is all capitals or all small letters, every word counts as capitals: the stricter reading.
    const isOneCase = !/\p{Ll}/u.test(latin) || !/\p{Lu}/u.test(latin);
    return (unpunctuated(latin).match(/[\p{L}\p{N}]+/gu) ?? [])
      .map((word) => {
        const text = word.toLowerCase();
        return {
          text: this.abbreviations.get(text) ?? text,
          isCapitals: isOneCase || word === word.toUpperCase(),
        };
      })
      .filter(({ text }) => text !== 'the');
  }

  /** As `wordsOf`, but a capital also starts a new word. */
  wordsByCapitals(name: string): Word[] {
    return this.wordsOf(this.latin(name).replaceAll(CAPITAL_SEAM, ' '));
  }

  /** A normal form that is the same for all words that look alike. */
  looksOf(word: string): string {
    let looks = this.latin(word).toLowerCase();
    for (const [written, readAs] of this.alike) looks = looks.replaceAll(written, readAs);
    return looks;
  }

  /** Latin letters without accents. */
  private latin(text: string): string {
    if (ASCII.test(text)) return text;
    const folded = text.normalize('NFKC').replaceAll(/\P{ASCII}/gu, (letter) => this.same.get(letter) ?? letter);
    return folded
      .normalize('NFKD')
      .replaceAll(/[\p{M}\p{Cf}]/gu, '')
      .replaceAll(/\P{ASCII}/gu, (letter) => this.same.get(letter) ?? letter);
  }
}

/** Removes separators between single letters, and apostrophes in abbreviations. Such letters become capitals. */
function unpunctuated(latin: string): string {
  return latin
    .replaceAll('&', ' and ')
    .replaceAll(/(?<=\p{L})['’ʼ‘`´](?=[lt](?![\p{L}\p{N}]))/giu, '')
    .split(POSSESSIVE)
    .map((part) => part.replaceAll(SPELLED_OUT, (letters) => letters.replaceAll(/\P{L}/gu, '').toUpperCase()))
    .join(' s ');
}
