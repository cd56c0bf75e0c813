// Owns: in which language the page speaks: the first of the browser's that there is, else English. Not here: the words (page-words.ts, and beside each page).
import { de, en, es, type Text } from './page-words.ts';

const LANGUAGES = ['en', 'de', 'es'] as const;
type Language = (typeof LANGUAGES)[number];

const languageOf = (locale: string) => LANGUAGES.find((one) => one === locale.split('-')[0]);
const wanted = navigator.languages.find(languageOf) ?? 'en';
const language: Language = languageOf(wanted) ?? 'en';

/** Of the same words in every language, those of the page's. */
export function inLanguage<Words>(words: Readonly<Record<Language, Words>>): Words {
  return words[language];
}

/** The page's words. */
export const text: Text = inLanguage({ en, de, es });
/** For dates and numbers: with the region where the browser names one. */
export const locale = wanted;

document.documentElement.lang = language;
