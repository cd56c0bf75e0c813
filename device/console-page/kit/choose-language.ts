// The page's language: the first of the browser's languages that is supported, else English.
import { de, en, es, type PageWords } from './page-words.ts';

const LANGUAGES = ['en', 'de', 'es'] as const;
type Language = (typeof LANGUAGES)[number];

const languageOf = (locale: string) => LANGUAGES.find((one) => one === locale.split('-')[0]);
const wanted = navigator.languages.find(languageOf) ?? 'en';
const language: Language = languageOf(wanted) ?? 'en';

/** Picks the texts in the page's language. */
export function inLanguage<Words>(words: Readonly<Record<Language, Words>>): Words {
  return words[language];
}

/** The texts that several pages share. */
export const text: PageWords = inLanguage({ en, de, es });
/** For dates and numbers, with the browser's region. */
export const locale = wanted;

document.documentElement.lang = language;
