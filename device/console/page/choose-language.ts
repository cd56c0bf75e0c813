// Owns: in which language the page speaks: the first of the browser's that there is, else English. Not here: the words (text/).
import { de } from './text/de.ts';
import { en, type Text } from './text/en.ts';
import { es } from './text/es.ts';

const LANGUAGES: Readonly<Record<string, Text>> = { en, de, es };

const wanted = navigator.languages.find((one) => (one.split('-')[0] ?? '') in LANGUAGES) ?? 'en';
/** Its code: `en`, `de`, `es`. */
export const language = wanted.split('-')[0] ?? 'en';

/** The page's words. */
export const text: Text = LANGUAGES[language] ?? en;
/** For dates and numbers: with the region where the browser names one. */
export const locale = wanted;

document.documentElement.lang = language;
