// Rows from a CSV stream (RFC 4180) in bounded memory, broken rows included: each keeps its line number and its fault. An invalid quote is
// read as a plain character, and reading continues with the next cell.

/** Fault of a row, which is still read as far as possible. */
export type RowFault = 'quotes' | 'width' | 'cell-too-long' | 'row-too-long';

export interface CsvRow {
  /** Line of the file on which the row begins, from 1. */
  line: number;
  cells: string[];
  fault: RowFault | null;
}

export interface CsvLimits {
  /** Longer cells, and longer rows (line breaks in cells included), are cut. In UTF-16 units. */
  cellCharsMax: number;
  rowCharsMax: number;
  /** Cells beyond this number are dropped. */
  cellsMax: number;
}

export const CSV_LIMITS: CsvLimits = { cellCharsMax: 16_384, rowCharsMax: 131_072, cellsMax: 256 };

/** Up to this many bad quotes in a row are handled one by one; with more, its first line is split at the commas. */
const BAD_QUOTES_MAX = 8;

const QUOTE = 0x22;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;

/** A parsed row; `next`: position of the following one. */
interface Taken {
  cells: string[];
  next: number;
  /** Line breaks inside quotes. */
  breaks: number;
}
/** `more`: the row is incomplete. `badQuote`: position of an invalid opening quote. */
type Attempt = Taken | 'more' | { badQuote: number };

/** Takes text in pieces. Holds at most one row of text, plus the piece. */
export class CsvRows {
  private readonly limits: CsvLimits;
  private text = '';
  private line = 1;
  /** Whether the rest of a line that was too long is being skipped. */
  private isSkipping = false;
  private nextQuote = -1;

  constructor(limits: CsvLimits = CSV_LIMITS) {
    this.limits = limits;
  }

  /** The rows that end in this piece. */
  push(piece: string): CsvRow[] {
    this.text += piece;
    return this.take(false);
  }

  /** The rows that are complete at the end of the file. */
  end(): CsvRow[] {
    return this.take(true);
  }

  private take(isEnd: boolean): CsvRow[] {
    const rows: CsvRow[] = [];
    const { text } = this;
    this.nextQuote = -1;
    let at = 0;
    while (at < text.length) {
      if (this.isSkipping) {
        const feed = text.indexOf('\n', at);
        at = feed < 0 ? text.length : feed + 1;
        if (feed < 0) break;
        this.isSkipping = false;
        this.line += 1;
        continue;
      }
      const next = this.takeRow(rows, at, isEnd);
      if (next < 0) break;
      at = next;
    }
    this.text = text.slice(at);
    return rows;
  }

  /** Adds the row at `at`, unless it is an empty line; returns the position of the next one, -1 when it needs more text. */
  private takeRow(rows: CsvRow[], at: number, isEnd: boolean): number {
    const { text, limits } = this;
    const feed = text.indexOf('\n', at);
    const lineEnd = feed < 0 ? text.length : feed;
    if (lineEnd - at > limits.rowCharsMax) return this.takeTooLong(rows, at, feed);
    if (this.nextQuote < at) {
      const found = text.indexOf('"', at);
      this.nextQuote = found < 0 ? text.length : found;
    }
    if (this.nextQuote >= lineEnd) {
      if (feed < 0 && !isEnd) return -1;
      const taken = { cells: splitLine(text, at, lineEnd, limits.cellsMax), next: nextAfter(text, feed), breaks: 0 };
      return this.add(rows, taken, null);
    }
    const bad: number[] = [];
    while (bad.length <= BAD_QUOTES_MAX) {
      const tried = takeQuoted(text, at, bad, limits, isEnd);
      if (tried === 'more') return -1;
      if ('next' in tried) return this.add(rows, tried, bad.length > 0 ? 'quotes' : null);
      bad.push(tried.badQuote);
    }
    if (feed < 0 && !isEnd) return -1;
    const cells = splitLine(text, at, lineEnd, limits.cellsMax);
    return this.add(rows, { cells, next: nextAfter(text, feed), breaks: 0 }, 'quotes');
  }

  /** For a line longer than the limit: its beginning is the row, the rest is skipped. */
  private takeTooLong(rows: CsvRow[], at: number, feed: number): number {
    const { text, limits } = this;
    const cells = splitLine(text, at, at + limits.rowCharsMax, limits.cellsMax);
    this.add(rows, { cells, next: 0, breaks: -1 }, 'row-too-long');
    this.isSkipping = true;
    return feed < 0 ? text.length : feed;
  }

  private add(rows: CsvRow[], taken: Taken, fault: RowFault | null): number {
    const { line } = this;
    this.line += taken.breaks + 1;
    const { cells } = taken;
    if (cells.length === 1 && cells[0] === '') return taken.next;
    const { cellCharsMax, cellsMax } = this.limits;
    let worst = fault;
    for (const [at, cell] of cells.entries()) {
      if (cell.length <= cellCharsMax) continue;
      cells[at] = cell.slice(0, cellCharsMax);
      worst ??= 'cell-too-long';
    }
    if (cells.length > cellsMax) {
      cells.length = cellsMax;
      worst ??= 'width';
    }
    rows.push({ line, cells, fault: worst });
    return taken.next;
  }
}

const nextAfter = (text: string, feed: number) => (feed < 0 ? text.length : feed + 1);

function splitLine(text: string, from: number, to: number, cellsMax: number): string[] {
  const end = to > from && text.charCodeAt(to - 1) === RETURN ? to - 1 : to;
  return text.slice(from, end).split(',', cellsMax + 1);
}

/** One attempt at parsing a row with quotes, in which the quotes at `bad` are plain characters. */
function takeQuoted(text: string, from: number, bad: readonly number[], limits: CsvLimits, isEnd: boolean): Attempt {
  const cells: string[] = [];
  let breaks = 0;
  let at = from;
  for (;;) {
    const isQuoted = text.charCodeAt(at) === QUOTE && !bad.includes(at);
    let cell: string;
    if (isQuoted) {
      const close = closingQuote(text, at, from + limits.rowCharsMax, isEnd);
      if (close === 'more') return 'more';
      if (close < 0) return { badQuote: at };
      cell = text.slice(at + 1, close);
      if (cell.includes('"')) cell = cell.replaceAll('""', '"');
      for (let feed = text.indexOf('\n', at); feed >= 0 && feed < close; feed = text.indexOf('\n', feed + 1))
        breaks += 1;
      at = close + 1;
    } else {
      const end = cellEnd(text, at, from + limits.rowCharsMax);
      if (end >= text.length && !isEnd) return 'more';
      cell = text.slice(
        at,
        end > at && text.charCodeAt(end) !== COMMA && text.charCodeAt(end - 1) === RETURN ? end - 1 : end,
      );
      at = end;
    }
    if (cells.length <= limits.cellsMax) cells.push(cell);
    if (text.charCodeAt(at) === COMMA) {
      at += 1;
      continue;
    }
    if (text.charCodeAt(at) === RETURN) at += 1;
    return { cells, next: Math.min(text.length, at + 1), breaks };
  }
}

function cellEnd(text: string, from: number, most: number): number {
  let at = from;
  const end = Math.min(text.length, most);
  for (; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === COMMA || code === LINE_FEED) break;
  }
  // Beyond the row's limit only the end of the line counts; the caller has checked the length of this line.
  if (at === most) {
    const feed = text.indexOf('\n', at);
    return feed < 0 ? text.length : feed;
  }
  return at;
}

/** Position of the closing quote for the one at `open`; -1 when the text after it shows that the opening quote is invalid. */
function closingQuote(text: string, open: number, most: number, isEnd: boolean): number | 'more' {
  for (let at = text.indexOf('"', open + 1); ; at = text.indexOf('"', at + 2)) {
    if (at < 0 || at > most) return at < 0 && !isEnd && text.length <= most ? 'more' : -1;
    const after = text.charCodeAt(at + 1);
    if (at + 1 >= text.length) return isEnd ? at : 'more';
    if (after === QUOTE) continue;
    if (after === COMMA || after === LINE_FEED) return at;
    if (after !== RETURN) return -1;
    if (at + 2 >= text.length) return isEnd ? at : 'more';
    return text.charCodeAt(at + 2) === LINE_FEED ? at : -1;
  }
}
