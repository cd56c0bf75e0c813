// Owns: text that others wrote, as it may stand beside our own: without characters that cannot be seen but turn what follows around or
// hide it (Unicode Standard Annex #9 §2). Pure. Not here: markup, which is never made from text.

/** One line: names, codes, whatever stands inside a sentence of ours. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
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
