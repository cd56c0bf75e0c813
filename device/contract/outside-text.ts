// Owns: text that others wrote: as it may stand beside our own, without characters that cannot be seen but turn what follows around or
// hide it (Unicode Standard Annex #9 §2), and as a statement that somebody can be held to. Pure. Not here: markup, which is never made
// from text.
import { z } from 'zod';

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;
const WITHOUT_UNSEEN = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u;
/** Characters that show nothing, though some of them are letters: Hangul fillers, variation selectors (Unicode Standard §5.21). */
const SHOWS_NOTHING = /\p{Default_Ignorable_Code_Point}/gu;

/** Each run of such characters as one blank; blanks at both ends stay. */
export function withoutUnseen(text: string): string {
  return text.replaceAll(UNSEEN, ' ');
}

/** One line: names, codes, whatever stands inside a sentence of ours. */
export function oneLine(text: string): string {
  return withoutUnseen(text).trim();
}

/** Several lines, and no more than one empty one between them. */
export function someLines(text: string): string {
  return text
    .replaceAll(/\r\n?|[\p{Zl}\p{Zp}]/gu, '\n')
    .split('\n')
    .map(oneLine)
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
}

/**
 * Who somebody is, or why they do something, for a log that others read: one line without unseen characters, of `min` to `max` UTF-16
 * units without the blanks at both ends, with at least two letters or digits. It is logged without those blanks.
 */
export function statedText(min: number, max: number) {
  return z
    .string()
    .trim()
    .min(min)
    .max(max)
    .regex(WITHOUT_UNSEEN, 'one line without invisible characters')
    .refine(canBeRead, 'at least two letters or digits');
}

/** Compatibility forms count as what they stand for (NFKC): a half-width Hangul filler is a filler. */
function canBeRead(text: string): boolean {
  const seen = text.normalize('NFKC').replaceAll(SHOWS_NOTHING, '');
  return (seen.match(/[\p{L}\p{N}]/gu) ?? []).length >= 2;
}
