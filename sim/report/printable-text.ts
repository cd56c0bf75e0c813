// Makes untrusted text safe for terminals and logs.
/** Untrusted text for a terminal or log as one line: control and format characters, line ends and bidirectional overrides become spaces. */
export function printableLine(text: string): string {
  return harmless(text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' '));
}

/** The lines of a text, each as by `printableLine`; tabs stay. */
export function printableLines(text: string): string[] {
  return text.split(/\r\n?|\n/).map((line) => line.split('\t').map(printableLine).join('\t'));
}

/** GitHub executes its older workflow commands (`##[...]`) anywhere in a line. */
function harmless(line: string): string {
  return line.replaceAll('##[', '## [');
}
