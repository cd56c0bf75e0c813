// Parses one YAML text as plain data: maps, lists, texts, numbers, aliases. Tags, merge keys, directives and second documents are refused.
import { Composer, type Document, isAlias, isMap, isScalar, isSeq, Lexer, type Node, type Pair, Parser } from 'yaml';
import { type Entry, type Located, list, mapping, type Plain, type Source, scalar } from './located.ts';
import { problemAt, shown } from './mistakes.ts';

/** Bytes of one file. */
export const FILE_BYTES_MAX = 1_000_000;
/** Values of one scenario, written out. */
export const VALUES_MAX = 400_000;
/** Depth of values. */
export const DEPTH_MAX = 24;
/** Letters of one text. */
export const TEXT_LENGTH_MAX = 10_000;
/** The parser's stack: it recurses for each nested value, which has about three tokens. */
const OPEN_TOKENS_MAX = 4 * DEPTH_MAX;

/** Parses a file's bytes. Throws a ScenarioProblem. */
export function readYaml(file: string, bytes: Uint8Array): Located {
  if (bytes.length > FILE_BYTES_MAX) {
    const start = { source: textSource(file, ''), offset: 0 };
    throw problemAt('scenario_limit', start, `it has more than ${FILE_BYTES_MAX} bytes`);
  }
  const text = decode(file, bytes);
  const source = textSource(file, text);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!isPrintable(code)) {
      const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
      throw problemAt('scenario_yaml_refused', { source, offset: at }, `it holds the control character ${name}`);
    }
  }
  const root = parse(text, source).contents;
  if (!root) throw problemAt('scenario_yaml_refused', { source, offset: 0 }, 'it is empty');
  return new NodeReader(source).read(root, 0);
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    // A byte order mark, which some editors write, is skipped.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw problemAt('scenario_yaml_refused', { source: textSource(file, ''), offset: 0 }, 'it is not UTF-8 text');
  }
}

/** YAML 1.2.2 §5.1, as far as one UTF-16 unit shows. */
function isPrintable(code: number): boolean {
  if (code < 0x20) return code === 0x09 || code === 0x0a || code === 0x0d;
  return code !== 0x7f && !(code >= 0x80 && code <= 0x9f && code !== 0x85) && code < 0xfffe;
}

function textSource(file: string, text: string): Source {
  let starts: number[] | undefined;
  const lineStarts = () => {
    const found = [0];
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) found.push(at + 1);
    return found;
  };
  return {
    file,
    positionOf: (offset) => {
      starts ??= lineStarts();
      let [low, high] = [0, starts.length - 1];
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if ((starts[middle] ?? 0) <= offset) low = middle;
        else high = middle - 1;
      }
      return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
    },
  };
}

/** The text's only document. Depth is checked first: deep recursion would exhaust the library's memory. */
function parse(text: string, source: Source): Document.Parsed {
  const parser = new Parser();
  const tokens = [];
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > OPEN_TOKENS_MAX) {
      throw problemAt(
        'scenario_limit',
        { source, offset: parser.offset },
        `values lie more than ${DEPTH_MAX} deep here`,
      );
    }
  }
  for (const token of parser.end()) tokens.push(token);
  const directive = tokens.find(({ type }) => type === 'directive');
  if (directive) {
    throw problemAt('scenario_yaml_refused', { source, offset: directive.offset }, 'directives are not supported');
  }
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    prettyErrors: false,
    logLevel: 'silent',
    // The library compares all pairs of keys, in quadratic time; NodeReader uses a table.
    uniqueKeys: false,
    stringKeys: true,
  });
  const [document, second] = composer.compose(tokens, true, text.length);
  if (!document) throw problemAt('scenario_yaml_refused', { source, offset: 0 }, 'it is empty');
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault) {
    const detail = fault.message.replaceAll(/\s+/g, ' ').slice(0, 200);
    throw problemAt('scenario_yaml_refused', { source, offset: fault.pos[0] }, detail);
  }
  if (second) {
    const offset = second.contents?.range[0] ?? text.length;
    throw problemAt('scenario_yaml_refused', { source, offset }, 'a second document is here; one file is one scenario');
  }
  return document;
}

/** Converts the library's nodes into located values; an alias becomes the same value as its anchor. */
class NodeReader {
  readonly #anchors = new Map<string, Located>();
  /** Anchors of unfinished values: an alias to one would be a cycle. */
  readonly #open = new Set<string>();

  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  read(node: Node, depth: number): Located {
    const place = { source: this.#source, offset: node.range?.[0] ?? 0 };
    const refuse = (detail: string) => problemAt('scenario_yaml_refused', place, detail);
    if (depth > DEPTH_MAX) throw problemAt('scenario_limit', place, `values lie more than ${DEPTH_MAX} deep here`);
    if (isAlias(node)) {
      const named = this.#anchors.get(node.source);
      if (this.#open.has(node.source)) throw refuse(`the alias *${shown(node.source)} is inside its own anchor`);
      if (!named) throw refuse(`there is no anchor &${shown(node.source)} before this alias`);
      return named;
    }
    if (node.tag !== undefined) throw refuse(`the tag ${shown(node.tag)} is not supported`);
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.#open.add(anchor);
    const value = this.#valueOf(node, place.offset, depth);
    if (value.size > VALUES_MAX) {
      throw problemAt('scenario_limit', place, `with its aliases this is more than ${VALUES_MAX} values`);
    }
    if (anchor !== undefined) {
      this.#open.delete(anchor);
      this.#anchors.set(anchor, value);
    }
    return value;
  }

  #valueOf(node: Node, offset: number, depth: number): Located {
    const place = { source: this.#source, offset };
    if (isSeq<Node>(node))
      return list(
        place,
        node.items.map((item) => this.read(item, depth + 1)),
      );
    if (isMap<Node, Node | null>(node)) return mapping(place, this.#entriesOf(node.items, depth));
    const value: unknown = isScalar(node) ? node.value : undefined;
    if (typeof value === 'string' && value.length > TEXT_LENGTH_MAX) {
      throw problemAt('scenario_limit', place, `this text has more than ${TEXT_LENGTH_MAX} letters`);
    }
    if (!isPlain(value)) throw problemAt('scenario_yaml_refused', place, 'this value is not a plain kind');
    return scalar(place, value);
  }

  #entriesOf(pairs: readonly Pair<Node, Node | null>[], depth: number): Map<string, Entry> {
    const entries = new Map<string, Entry>();
    for (const { key, value } of pairs) {
      const place = { source: this.#source, offset: key.range?.[0] ?? 0 };
      const name: unknown = isScalar(key) && key.tag === undefined ? key.value : undefined;
      if (typeof name !== 'string') throw problemAt('scenario_yaml_refused', place, 'a key must be a plain word');
      if (name === '<<') throw problemAt('scenario_yaml_refused', place, 'merge keys are not supported; use include');
      if (name === '__proto__') throw problemAt('scenario_word_unknown', place, 'there is no word "__proto__"');
      if (entries.has(name)) {
        throw problemAt('scenario_name_twice', place, `the key "${shown(name)}" is here twice`);
      }
      entries.set(name, { key: place, value: value === null ? scalar(place, null) : this.read(value, depth + 1) });
    }
    return entries;
  }
}

/** Numbers must be finite: `.inf` and `.nan` have no meaning here. */
function isPlain(value: unknown): value is Plain {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}
