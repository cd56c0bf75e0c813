// Owns: text from outside on lines that a terminal or a log shows. Not here: markup (each format escapes its own).

/** One line: control and format characters, line ends and what turns the direction of writing become spaces. */
export function printableLine(text: string): string {
  return harmless(text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' '));
}

/** The lines of a text, each as `printableLine` makes it; tabs stay. */
export function printableLines(text: string): string[] {
  return text.split(/\r\n?|\n/).map((line) => line.split('\t').map(printableLine).join('\t'));
}

/** Older workflow commands (`##[...]`) are obeyed anywhere in a line of a job's log. */
function harmless(line: string): string {
  return line.replaceAll('##[', '## [');
}
