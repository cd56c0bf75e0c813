// Text that others wrote: shown beside our own without unseen characters, which can hide what follows or turn its direction around (Unicode
// Standard Annex #9 §2); and statements of who and why, for a log.
import { z } from 'zod';

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;
const WITHOUT_UNSEEN = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u;
/** Invisible characters, some of which count as letters: Hangul fillers, variation selectors (Unicode Standard §5.21). */
const SHOWS_NOTHING = /\p{Default_Ignorable_Code_Point}/gu;

/** The text with each run of unseen characters as one blank. */
export function withoutUnseen(text: string): string {
  return text.replaceAll(UNSEEN, ' ');
}

/** One line, for names and codes inside a sentence of ours. */
export function oneLine(text: string): string {
  return withoutUnseen(text).trim();
}

/** Several lines, with at most one empty line between them. */
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
 * An officer or a reason, for a log that others read: one line without unseen characters, with at least two letters or digits, of `min` to
 * `max` UTF-16 units. Blanks at both ends are removed before.
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

/** Normalised by NFKC, so that compatibility forms count, too: a half-width Hangul filler is a filler. */
function canBeRead(text: string): boolean {
  const seen = text.normalize('NFKC').replaceAll(SHOWS_NOTHING, '');
  return (seen.match(/[\p{L}\p{N}]/gu) ?? []).length >= 2;
}
