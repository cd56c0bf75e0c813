// Turns zod's issues into a scenario's faults, each with its line and a suggested word. For a union it reports the most likely branch.

import { nearestWord, plainWords } from '@doorsill/base/schema-fault';
import type { z } from 'zod';
import { type Located, locate, positionOf } from './located.ts';
import { FAULTS_MAX, faultAt, listed, type ScenarioFault, shown } from './mistakes.ts';

/** A custom issue's param: a map has none of its required words. */
export const NEEDS_WORD = 'needsWord';

type Schema = z.core.$ZodType;
type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The faults of `error`, which `schema` found in `root`; only the first of very many. */
export function schemaFaults(schema: Schema, error: z.ZodError, root: Located): ScenarioFault[] {
  const found: Found[] = [];
  for (const issue of error.issues) {
    // Up to half of them may be dropped below.
    if (found.length >= 2 * FAULTS_MAX) break;
    found.push(...faultsOf(issue, [], schema, root));
  }
  const meant = new Set(found.map(({ fault }) => fault.suggestion));
  const misspelt = new Set(found.map(({ unknownIn }) => unknownIn));
  // A word reported as misspelled is not reported as missing, too.
  const isSaid = ({ missing, wordlessIn }: Found) =>
    (missing !== undefined && meant.has(missing)) || (wordlessIn !== undefined && misspelt.has(wordlessIn));
  return found.filter((one) => !isSaid(one)).map(({ fault }) => fault);
}

interface Found {
  fault: ScenarioFault;
  /** The missing word. */
  missing?: string;
  /** The map with an unknown word, or with none of its required words. */
  unknownIn?: Located;
  wordlessIn?: Located;
}

/** Faults of an issue whose path begins at `base`, where `schema` applies. */
function faultsOf(issue: Issue, base: Path, schema: Schema | undefined, root: Located): Found[] {
  const path = [...base, ...issue.path];
  const node = locate(root, path);
  const label = labelOf(path);
  const value = (detail: string) => [
    { fault: faultAt('scenario_value_refused', positionOf(node), `${label}: ${detail}`) },
  ];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const words = wordsOf(schemaAt(schema, issue.path), node);
      return issue.keys.slice(0, FAULTS_MAX).map((key) => ({ fault: unknownWord(node, key, words), unknownIn: node }));
    }
    case 'invalid_union': {
      if (!isThere(root, path)) return missing(node, path);
      const branch = bestBranch(issue.errors);
      const options = optionsOf(schemaAt(schema, issue.path));
      const isOfOtherKind = (issue.errors[branch] ?? []).some((inner) => isRootType(inner));
      if (branch < 0 || isOfOtherKind) return value(`it takes ${kindsOf(options)}`);
      return (issue.errors[branch] ?? []).flatMap((inner) => faultsOf(inner, path, options[branch], root));
    }
    case 'invalid_value': {
      if (!isThere(root, path)) return missing(node, path);
      const words = issue.values.map(String);
      const written = node.kind === 'scalar' ? String(node.value) : node.kind;
      const meant = node.kind === 'scalar' ? nearestWord(written, words) : null;
      const detail = `${label}: "${shown(written)}" is not one of ${listed(words)}`;
      return [{ fault: faultAt('scenario_word_unknown', positionOf(node), detail, meant) }];
    }
    case 'invalid_type':
      return isThere(root, path) ? value(`it takes ${kindName(issue.expected)}`) : missing(node, path);
    case 'invalid_key': {
      const name = String(path.at(-1));
      const detail = `${label}: a name is at most 63 small letters, digits and hyphens, not "${shown(name)}"`;
      return [{ fault: faultAt('scenario_value_refused', positionOf(keyAt(root, path) ?? node), detail) }];
    }
    case 'custom':
      return value(plainWords(issue)).map((one) =>
        issue.params?.[NEEDS_WORD] === true ? { ...one, wordlessIn: node } : one,
      );
    default:
      return value(plainWords(issue));
  }
}

function missing(node: Located, path: Path): Found[] {
  const word = String(path.at(-1));
  const detail = `${labelOf(path.slice(0, -1))}: "${word}" is missing`;
  return [{ fault: faultAt('scenario_value_refused', positionOf(node), detail), missing: word }];
}

function unknownWord(node: Located, key: string, words: readonly string[]): ScenarioFault {
  const place = (node.kind === 'map' ? node.entries.get(key)?.key : undefined) ?? node;
  const meant = nearestWord(key, words);
  const known = meant === null && words.length > 0 ? `; there are ${listed(words)}` : '';
  return faultAt('scenario_word_unknown', positionOf(place), `there is no word "${shown(key)}" here${known}`, meant);
}

function isThere(root: Located, path: Path): boolean {
  const last = path.at(-1);
  if (last === undefined) return true;
  const parent = locate(root, path.slice(0, -1));
  return parent.kind === 'map' ? parent.entries.has(String(last)) : parent.kind === 'list';
}

function keyAt(root: Located, path: Path) {
  const parent = locate(root, path.slice(0, -1));
  return parent.kind === 'map' ? parent.entries.get(String(path.at(-1)))?.key : undefined;
}

/** The branch with the fewest and smallest faults, probably the intended one. */
function bestBranch(branches: readonly (readonly Issue[])[]): number {
  const weights = branches.map((issues) => issues.reduce((sum, issue) => sum + weightOf(issue), 0));
  return weights.indexOf(Math.min(...weights));
}

function weightOf(issue: Issue): number {
  if (isRootType(issue)) return 50;
  if (issue.code === 'unrecognized_keys') return 2 * issue.keys.length;
  if (issue.code === 'invalid_type' && issue.input === undefined) return 3;
  return issue.code === 'invalid_union' ? 2 : 1;
}

/** Whether the value has another type than the branch: a map instead of a text. */
function isRootType(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every((branch) => branch.some(isRootType));
  return issue.code === 'invalid_type';
}

function labelOf(path: Path): string {
  const label = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${shown(String(step))}`)).join('');
  return label === '' ? 'scenario' : label.replace(/^\./, '');
}

const KIND_NAMES: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'nothing',
};

const kindName = (kind: string) => KIND_NAMES[kind] ?? kind;

function kindsOf(options: readonly Schema[]): string {
  return [...new Set(options.map((option) => kindOf(option)))].join(' or ');
}

function kindOf(schema: Schema): string {
  const { def } = (bare(schema) as z.core.$ZodTypes)._zod;
  if (def.type === 'union') return kindsOf(def.options);
  if (def.type === 'literal') return def.values.join(' or ');
  if (def.type === 'enum') return Object.values(def.entries).join(', ');
  return kindName(def.type);
}

/** A schema without its optional, default and transform wrappers. */
function bare(schema: Schema): Schema {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
      return bare(def.innerType);
    case 'pipe':
      return bare(def.in);
    default:
      return schema;
  }
}

function schemaAt(schema: Schema | undefined, path: Path): Schema | undefined {
  let at = schema && bare(schema);
  for (const step of path) {
    const def = at && (at as z.core.$ZodTypes)._zod.def;
    let next: Schema | undefined;
    if (def?.type === 'object') next = Object.hasOwn(def.shape, step) ? def.shape[String(step)] : undefined;
    else if (def?.type === 'array') next = def.element;
    else if (def?.type === 'record') next = def.valueType;
    at = next && bare(next);
  }
  return at;
}

function optionsOf(schema: Schema | undefined): readonly Schema[] {
  const def = schema && (schema as z.core.$ZodTypes)._zod.def;
  return def?.type === 'union' ? def.options : [];
}

/** The words of a map; for a union, those of the branch with the most words in common. */
function wordsOf(schema: Schema | undefined, node: Located): string[] {
  const def = schema && (schema as z.core.$ZodTypes)._zod.def;
  if (def?.type === 'object') return Object.keys(def.shape);
  const sharedBy = (words: readonly string[]) =>
    words.filter((word) => node.kind === 'map' && node.entries.has(word)).length;
  const branches = optionsOf(schema).map((option) => wordsOf(bare(option), node));
  return branches.sort((a, b) => sharedBy(b) - sharedBy(a))[0] ?? [];
}
