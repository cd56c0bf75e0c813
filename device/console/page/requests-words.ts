// Owns: the words of the page "Requests" in the page's language. Not here: which language that is (choose-language.ts), the words (text/).
import { language } from './choose-language.ts';
import { requestsDe } from './text/requests-de.ts';
import { type RequestWords, requestsEn } from './text/requests-en.ts';
import { requestsEs } from './text/requests-es.ts';

const LANGUAGES: Readonly<Record<string, RequestWords>> = { en: requestsEn, de: requestsDe, es: requestsEs };

export const words: RequestWords = LANGUAGES[language] ?? requestsEn;
