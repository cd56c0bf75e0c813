// Owns: the words of the page "What has left" in the page's language. Not here: which language that is (choose-language.ts), the words (text/).
import { inLanguage } from '../kit/choose-language.ts';
import { leftDe } from './text/left-de.ts';
import { type LeftWords, leftEn } from './text/left-en.ts';
import { leftEs } from './text/left-es.ts';

export const words = inLanguage<LeftWords>({ en: leftEn, de: leftDe, es: leftEs });
