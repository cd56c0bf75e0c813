// Fits a help text to a terminal's width: paragraphs flow, columns hang, and long commands are continued with a backslash.
const WIDTH_DEFAULT = 80;
const WIDTH_LEAST = 40;
/** A narrower column is not used: its text goes into the next line. */
export const COLUMN_LEAST = 20;
const CONTINUATION_INDENT = 4;

/** Width of help texts: the terminal's, or a usual one without a terminal. */
export function helpWidth({ isTTY, columns }: { isTTY?: boolean; columns?: number }): number {
  return isTTY && columns ? Math.max(columns, WIDTH_LEAST) : WIDTH_DEFAULT;
}

/** Wraps the lines of a text that are longer than `width`. */
export function wrapHelp(text: string, width: number): string {
  const out: string[] = [];
  let paragraph: string[] = [];
  const flow = () => {
    const isLong = paragraph.some((line) => line.length > width);
    out.push(...(isLong ? filled(paragraph.join(' ').split(' '), '', '', width) : paragraph));
    paragraph = [];
  };
  for (const line of text.split('\n')) {
    if (/^\S/.test(line)) {
      paragraph.push(line);
      continue;
    }
    flow();
    out.push(...(line.length > width ? wrappedLine(line, width) : [line]));
  }
  flow();
  return out.join('\n');
}

/** Wraps an indented line: a command, columns, or plain words. */
function wrappedLine(line: string, width: number): string[] {
  // The last gap of several spaces begins the last column.
  const [, before = '', column = ''] = /^(\s*\S.*?\s{2,})(\S(?:(?!\s{2,}).)*)$/.exec(line) ?? [];
  const indent = /^\s*/.exec(line)?.[0] ?? '';
  if (column === '') {
    const isCommand = line.startsWith('$ ', indent.length);
    const words = line.trim().match(isCommand ? /(?:'[^']*'|"[^"]*"|[^\s'"])+/g : /\S+/g) ?? [];
    return isCommand
      ? filled(words, indent, `${indent}${' '.repeat(CONTINUATION_INDENT)}`, width - 2).map((part, at, all) =>
          at < all.length - 1 ? `${part} \\` : part,
        )
      : filled(words, indent, indent, width);
  }
  const mark = column.startsWith('# ') ? '# ' : '';
  const words = column.slice(mark.length).split(' ');
  const hang = before.length + COLUMN_LEAST <= width ? before.length : indent.length + CONTINUATION_INDENT;
  const rest = `${' '.repeat(hang)}${mark}`;
  if (hang === before.length) return filled(words, `${before}${mark}`, rest, width);
  return [before.trimEnd(), ...filled(words, rest, rest, width)];
}

/** Fills lines of at most `width` with words: the first line begins with `first`, the others with `rest`. */
function filled(words: readonly string[], first: string, rest: string, width: number): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of words) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
