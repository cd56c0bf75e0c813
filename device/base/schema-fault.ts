// Reads values from outside by a schema, and says in plain words what is wrong: which field, what it takes, what it is, and for an unknown
// name the one that was probably meant. Texts are not repeated, because one may be a password.
import { z } from 'zod';

/** A name that differs by more edits is another word. */
const EDITS_MAX = 2;
/** Most choices that are listed. */
const CHOICES_MAX = 20;
/** Most letters of a repeated word that are shown. */
const SHOWN_MAX = 40;

type Issue = z.core.$ZodIssue;

/** The parsed value, or all its faults in one line. */
type Read<Schema extends z.ZodType> = { ok: true; data: z.output<Schema> } | { ok: false; fault: string };

/** For `parse`: issues have a message only where the schema defines one, and carry the value. */
export const WITHOUT_ZODS_WORDS = { error: () => '', reportInput: true } as const;

/** Reads a value from outside. `root` names the value itself in faults; absent, it has no name. */
export function readBySchema<Schema extends z.ZodType>(schema: Schema, value: unknown, root = ''): Read<Schema> {
  const parsed = schema.safeParse(value, WITHOUT_ZODS_WORDS);
  if (parsed.success) return { ok: true, data: parsed.data };
  const described = describe(schema);
  const faults = parsed.error.issues.map((issue) => {
    const label = labelOf(issue.path) || root;
    const words = plainWords(issue, nodeAt(described, issue.path));
    return label === '' ? words : `${label}: ${words}`;
  });
  return { ok: false, fault: faults.join('; ') };
}

/**
 * What each field takes. Empty for a schema that JSON Schema cannot express, such as one with a default of `undefined`: faults say less
 * then.
 */
function describe(schema: z.ZodType): Node {
  const known = descriptions.get(schema);
  if (known) return known;
  let described: Node = {};
  try {
    described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  } catch {}
  descriptions.set(schema, described);
  return described;
}

/** Descriptions are made once, so that a client's bad bodies cost a server little. */
const descriptions = new WeakMap<z.ZodType, Node>();

/** The faults in plain words from the error alone, for a value that was not read with `readBySchema`. */
export function plainFault({ issues }: z.ZodError): string {
  const words = (issue: Issue) => plainWords(issue.code === 'custom' ? issue : { ...issue, message: '' }, {});
  return issues.map((issue) => [labelOf(issue.path), words(issue)].filter((text) => text !== '').join(': ')).join('; ');
}

function labelOf(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${shown(String(step))}`))
    .join('')
    .replace(/^\./, '');
}

function shown(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?');
  return line.length > SHOWN_MAX ? `${line.slice(0, SHOWN_MAX)}…` : line;
}

/** The fault of one value in plain words; `node` describes what its field takes. */
export function plainWords(issue: Issue, node: Node = {}): string {
  if (issue.message !== '') return issue.message;
  switch (issue.code) {
    case 'unrecognized_keys':
      return unknownNames(issue.keys, Object.keys(node.properties ?? {}));
    case 'invalid_type':
      return takesNot(issue, takes(node, issue.expected), whatIs(issue.input, issue.expected));
    case 'invalid_value':
      return takesNot(issue, choices(issue.values), wordShown(issue.input));
    case 'too_small':
    case 'too_big':
      return limitWords(issue, node);
    case 'not_multiple_of':
      return `it takes a multiple of ${issue.divisor}, not ${String(issue.input)}`;
    case 'invalid_format':
      return `it takes ${FORMS[issue.format] ?? 'a text of another form than this one'}`;
    case 'invalid_union':
      return unionWords(issue, node);
    case 'invalid_key':
      return 'this name cannot stand here';
    case 'invalid_element':
      return 'a member of it is not as it should be';
    case 'custom':
      return 'it cannot be used as it is';
  }
}

/** What a field takes and what it is; only the former if the issue does not carry the value. */
function takesNot(issue: Issue, wanted: string, is: string): string {
  if (!('input' in issue)) return `it takes ${wanted}`;
  return issue.input === undefined ? `it is missing, and takes ${wanted}` : `it takes ${wanted}, not ${is}`;
}

function unknownNames(keys: readonly string[], known: readonly string[]): string {
  const meant = keys.flatMap((key) => nearestWord(key, known) ?? []);
  const hint = meant.length === 0 ? '' : ` (did you mean ${meant.map((key) => `"${key}"`).join(', ')}?)`;
  return `there is no ${keys.map((key) => `"${shown(key)}"`).join(', ')} here${hint}`;
}

/** Speaks of the branch of a union that fits except for fields inside of it. */
function unionWords(issue: Extract<Issue, { code: 'invalid_union' }>, node: Node): string {
  if (issue.errors.length === 0 && issue.discriminator !== undefined) {
    const kinds = 'options' in issue && Array.isArray(issue.options) ? issue.options : [];
    return `it takes ${kinds.length === 0 ? 'another word' : choices(kinds)}`;
  }
  const inside = issue.errors.filter((branch) => branch.every(({ path }) => path.length > 0));
  const [nearest] = inside.sort((one, other) => one.length - other.length);
  if (!nearest) return takesNot(issue, takes(node, ''), whatIs(issue.input, ''));
  return nearest.map((inner) => `${labelOf(inner.path)}: ${plainWords(inner, {})}`).join('; ');
}

/** The limits of a number, of a text's length, or of a list's length. */
function limitWords(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>, node: Node): string {
  const { origin, input } = issue;
  const unit = origin === 'string' ? ' letters' : origin === 'array' ? ' members' : '';
  const isCounted = typeof input === 'string' || Array.isArray(input);
  const size = input === undefined ? '' : `, not ${isCounted ? input.length : String(input)}${unit}`;
  // A text that is read as a number is described as a text. In a union, the branch that takes values of this kind is meant.
  const own = [node, ...(node.anyOf ?? [])].find(
    (one) =>
      typeof one === 'object' &&
      (one.type === origin || (unit === '' && (one.type === 'integer' || one.type === 'number'))),
  );
  if (typeof own === 'object') return `it takes ${takes(own, '')}${size}`;
  if (issue.code === 'too_big') return `it takes at most ${issue.maximum}${unit}${size}`;
  return `it takes ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unit}${size}`;
}

/** Text formats that have a name. */
const FORMS: Readonly<Record<string, string>> = {
  url: 'an address such as https://example.org/',
  email: 'a mail address',
  datetime: 'a time such as 2026-01-15T12:00:00Z',
  date: 'a day such as 2026-01-15',
  uuid: 'a UUID',
};

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

/** A part of a schema's description. */
type Node = z.core.JSONSchema.BaseSchema;

function nodeAt(root: Node, path: readonly PropertyKey[]): Node {
  let node = root;
  for (const step of path) {
    const branches = [node, ...(node.anyOf ?? node.oneOf ?? [])];
    const found = branches.flatMap((branch) => {
      if (typeof branch !== 'object') return [];
      const { items, properties, additionalProperties } = branch;
      const next = typeof step === 'number' ? items : (properties?.[String(step)] ?? additionalProperties);
      return typeof next === 'object' && !Array.isArray(next) ? [next] : [];
    });
    // In a union it is known only if exactly one branch has the field.
    node = (found.length === 1 && found[0]) || {};
  }
  return node;
}

/** What a field takes. `expected`: zod's word for it, where the field is not described. */
function takes(node: Node, expected: string): string {
  const several = (node.anyOf ?? node.oneOf)?.map((one) => (typeof one === 'object' ? takes(one, '') : ''));
  if (several) return [...new Set(several)].join(' or ');
  if (node.enum) return choices(node.enum);
  if (node.const !== undefined) return choices([node.const]);
  const kind = KINDS[typeof node.type === 'string' ? node.type : expected] ?? 'something else';
  switch (node.type) {
    case 'string':
      return kind + between(' of', node.minLength, node.maxLength, ' letters');
    case 'array':
      return kind + between(' of', node.minItems, node.maxItems, ' members');
    case 'number':
    case 'integer':
      if (node.exclusiveMinimum !== undefined) return `${kind} above ${node.exclusiveMinimum}`;
      return kind + between(' from', node.minimum, node.maximum, '');
    default:
      return kind;
  }
}

/** ` of 1 to 60 letters`; nothing where nothing is limited. */
function between(word: string, least: number | undefined, most: number | undefined, unit: string): string {
  const isLimit = (bound: number | undefined) => bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (isLimit(most)) return isLimit(least) ? `${word} ${least} to ${most}${unit}` : ` of at most ${most}${unit}`;
  return isLimit(least) ? ` of at least ${least}${unit}` : '';
}

function choices(values: readonly unknown[]): string {
  const words = values.slice(0, CHOICES_MAX).map((value) => (typeof value === 'string' ? `"${value}"` : String(value)));
  if (values.length > CHOICES_MAX) return `one of ${words.join(', ')} and others`;
  return words.length === 1 ? (words[0] ?? '') : `one of ${words.join(', ')}`;
}

/** A value as an error may show it: a number where one is expected, otherwise only its kind. */
function whatIs(value: unknown, expected: string): string {
  if (typeof value === 'number') return ['number', 'int'].includes(expected) ? String(value) : 'a number';
  if (value === null) return 'null';
  return KINDS[Array.isArray(value) ? 'array' : typeof value] ?? 'this';
}

/** A value that should be a word of a list: it is shown, because it is not a person's secret. */
function wordShown(value: unknown): string {
  return typeof value === 'string' ? `"${shown(value)}"` : whatIs(value, 'number');
}

/** The candidate with the fewest edits from `word`; null when there are too many. */
export function nearestWord(word: string, candidates: readonly string[]): string | null {
  const ranked = candidates
    .filter((candidate) => Math.abs(candidate.length - word.length) <= EDITS_MAX)
    .map((candidate) => ({ candidate, edits: editsBetween(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  // Two edits would replace a word of two letters completely.
  return best && best.edits <= EDITS_MAX && best.edits < word.length ? best.candidate : null;
}

/** Insertions, removals and replacements between two words (Levenshtein). */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...a].entries()) {
    const next = [at + 1];
    for (const [to, other] of [...b].entries()) {
      const replaced = (row[to] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[to + 1] ?? 0) + 1, (next[to] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
