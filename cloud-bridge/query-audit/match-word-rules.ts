import { ownCopy, wordsOf } from './normalize-text.ts';
import { NAMED_CRIME, type Severity, WORD_RULES, type WordRule } from './word-rules.ts';

/** The free-text fields of a query. */
export interface QueryWords {
  /** Null: lost with the end of a broken row, which differs from empty. */
  reason: string | null;
  prompt: string;
  caseNumber: string;
  offense: string;
}

/** One rule's match in one query, with its explanation. */
export interface Match {
  rule: string;
  severity: Severity;
  group: WordRule['group'];
  /** The matched words, as `wordsOf` spells them. */
  matched: string;
  why: string;
}

/** Cache size: officers type the same few words again and again. */
const REMEMBERED_MAX = 20_000;
const REMEMBERED_CHARS_MAX = 120;

/** Applies the rules. Caches short texts, a bounded number of them. */
export class Reader {
  private readonly remembered = new Map<string, readonly Match[]>();

  read(query: QueryWords): readonly Match[] {
    const key = `${query.reason === null ? 'x' : ''}\n${query.reason}\n${query.prompt}\n${query.caseNumber === '' ? '' : '#'}\n${query.offense}`;
    const hasWords = /[a-z]{2}/i.test(query.caseNumber);
    const known = hasWords ? undefined : this.remembered.get(key);
    if (known) return known;
    const matches = readWords(query);
    if (!hasWords && key.length <= REMEMBERED_CHARS_MAX) {
      if (this.remembered.size >= REMEMBERED_MAX) this.remembered.clear();
      this.remembered.set(ownCopy(key), matches);
    }
    return matches;
  }
}

function readWords(query: QueryWords): Match[] {
  const reason = wordsOf(query.reason ?? '');
  const prompt = wordsOf(query.prompt);
  const caseWords = wordsOf(query.caseNumber);
  const typed = [reason, prompt, caseWords].filter((words) => words !== '').join(' ');
  const texts = { words: typed, offense: wordsOf(query.offense) };
  const matches: Match[] = [];
  const namesCrime = NAMED_CRIME.test(typed);
  for (const rule of WORD_RULES) {
    if (rule.group === 'purpose' && matches.some((match) => match.group === 'purpose')) continue;
    // A lost text must not count as an empty one.
    if (query.reason === null && texts[rule.reads] === '') continue;
    const match = matchOf(rule, texts[rule.reads], namesCrime);
    if (match) matches.push(match);
  }
  return matches;
}

/** A rule's match in a text (as `wordsOf` spells it); null when there is none. */
export function matchOf(rule: WordRule, words: string, namesCrime = NAMED_CRIME.test(words)): Match | null {
  if (rule.yieldsToCrime && namesCrime) return null;
  const found = rule.pattern.exec(words);
  if (!found) return null;
  const { id, severity, group, why } = rule;
  const left = rule.unless ? rule.pattern.exec(words.replaceAll(rule.unless, ' ~ ')) : found;
  return left ? { rule: id, severity, group, matched: ownCopy(left[0]), why } : null;
}
