// Brings texts that officers typed to one spelling, in which the audit's word rules search. It removes case, accents, punctuation
// and invisible characters, and replaces lookalike letters. Better hidden words stay hidden, on purpose.

/** Cyrillic and Greek letters that look like a Latin one, lower case. */
const LOOKALIKES: Readonly<Record<string, string>> = {
  а: 'a',
  в: 'b',
  с: 'c',
  е: 'e',
  н: 'h',
  і: 'i',
  ӏ: 'i',
  ј: 'j',
  к: 'k',
  м: 'm',
  о: 'o',
  р: 'p',
  ѕ: 's',
  т: 't',
  у: 'y',
  х: 'x',
  α: 'a',
  β: 'b',
  ε: 'e',
  η: 'h',
  ι: 'i',
  κ: 'k',
  ο: 'o',
  ρ: 'p',
  τ: 't',
  υ: 'y',
  χ: 'x',
  ı: 'i',
};

const NOT_ASCII = /\P{ASCII}/u;
/** Soft hyphen, zero-width and direction marks. */
const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]/g;

/**
 * Words in lower case, separated by single spaces: "I.C.E./E.R.O.  Assist" is "ice ero assist". Apostrophes join
 * ("girlfriend's" is one word), all other marks separate.
 */
export function wordsOf(text: string): string {
  let out = text.toLowerCase();
  if (NOT_ASCII.test(out)) {
    out = out.normalize('NFKD').replaceAll(/\p{M}/gu, '').replaceAll(INVISIBLE, '').toLowerCase();
    out = out.replaceAll(/[\u0131\u03b1-\u03c9\u0430-\u04cf]/g, (letter) => LOOKALIKES[letter] ?? letter);
  }
  return out
    .replaceAll(/\b(?:[a-z]\.){2,}(?:[a-z]\b)?/g, (initials) => `${initials.replaceAll('.', '')} `)
    .replaceAll(/['\u2019`]/g, '')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** A copy in its own memory: the engine keeps a large text in memory as long as a substring of it is used. */
export function ownCopy(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
