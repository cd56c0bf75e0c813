// Owns: includes: which files a scenario takes words from, in which order, and how they come together. Own words win; steps and
// expectations are appended. Not here: variables (variables.ts), which are put in afterwards.
import { relative } from 'node:path';
import { type Entry, type Located, list, type Mapping, mapping } from './located.ts';
import { problemAt, shown } from './mistakes.ts';
import { readBounded, type ScenarioFolder } from './scenario-folder.ts';
import { readYaml, VALUES_MAX } from './yaml-text.ts';

const DEPTH_MAX = 16;
/** Files of one scenario: a file may be included more than once, in both of which another one is included twice. */
const FILES_MAX = 64;

/** Merged name by name. Of all others the own value stands instead. */
const MERGED = ['variables', 'doorbells', 'agencies', 'partners', 'settings'];
const APPENDED = ['steps', 'expect'];

/** A scenario's words with those of its includes. Throws a ScenarioProblem. */
export function withIncludes(root: Mapping, folder: ScenarioFolder): Mapping {
  return new Includes(folder).into(root, [root.source.file]);
}

class Includes {
  readonly #folder: ScenarioFolder;
  #files = 0;

  constructor(folder: ScenarioFolder) {
    this.#folder = folder;
  }

  /** `chain`: the files that include one another down to this one. */
  into(own: Mapping, chain: readonly string[]): Mapping {
    const named = own.entries.get('include')?.value;
    if (!named) return own;
    const rest = mapping(own, new Map([...own.entries].filter(([key]) => key !== 'include')));
    const included = (named.kind === 'list' ? named.items : [named]).map((node) => this.#read(node, chain));
    return [...included, rest].reduce((whole, part) => merge(whole, part));
  }

  #read(node: Located, chain: readonly string[]): Mapping {
    const refuse = (detail: string) => problemAt('scenario_include_refused', node, detail);
    if (node.kind !== 'scalar' || typeof node.value !== 'string')
      throw refuse('include takes a path, or a list of paths');
    const text = node.value;
    if (text.includes('${')) throw refuse('variables are put in after includes, so none can name one');
    if (!/\.ya?ml$/i.test(text)) throw refuse(`${shown(text)} is no YAML file`);
    const path = this.#folder.fileAt(node, text);
    if (chain.includes(path)) {
      const circle = [...chain.slice(chain.indexOf(path)), path].map((file) => relative(this.#folder.root, file));
      throw refuse(`the includes form a circle: ${circle.join(' -> ')}`);
    }
    if (chain.length > DEPTH_MAX) throw problemAt('scenario_limit', node, `includes lie more than ${DEPTH_MAX} deep`);
    this.#files += 1;
    if (this.#files > FILES_MAX)
      throw problemAt('scenario_limit', node, `a scenario includes more than ${FILES_MAX} files`);
    const root = readYaml(path, readBounded(path));
    if (root.kind !== 'map') throw problemAt('scenario_value_refused', root, 'an included file is a map of words');
    const matrix = root.entries.get('matrix');
    if (matrix) throw problemAt('scenario_include_refused', matrix.key, 'an included file has no matrix');
    return this.into(root, [...chain, path]);
  }
}

/** `own` wins over `base`. */
function merge(base: Mapping, own: Mapping): Mapping {
  const entries = new Map<string, Entry>(base.entries);
  for (const [key, entry] of own.entries) entries.set(key, both(key, entries.get(key), entry));
  const whole = mapping(own, entries);
  if (whole.size > VALUES_MAX)
    throw problemAt('scenario_limit', own, `with its includes this is more than ${VALUES_MAX} values`);
  return whole;
}

function both(key: string, base: Entry | undefined, own: Entry): Entry {
  const [before, value] = [base?.value, own.value];
  if (before?.kind === 'map' && value.kind === 'map' && MERGED.includes(key)) {
    return { key: own.key, value: mapping(value, new Map([...before.entries, ...value.entries])) };
  }
  if (before?.kind === 'list' && value.kind === 'list' && APPENDED.includes(key)) {
    return { key: own.key, value: list(value, [...before.items, ...value.items]) };
  }
  return own;
}
