// Owns: the words of the page "Requests" in the page's language. Not here: which language that is (choose-language.ts), the words (text/).
import { inLanguage } from '../kit/choose-language.ts';
import { requestsDe } from './text/requests-de.ts';
import { type RequestWords, requestsEn } from './text/requests-en.ts';
import { requestsEs } from './text/requests-es.ts';

export const words = inLanguage<RequestWords>({ en: requestsEn, de: requestsDe, es: requestsEs });
