// Merges a scenario with its includes. Its own values win; steps and expectations are appended. Variables are replaced afterwards.
import { relative } from 'node:path';
import { type Entry, type Located, list, type Mapping, mapping } from './located.ts';
import { problemAt, shown } from './mistakes.ts';
import { readBounded, type ScenarioFolder } from './scenario-folder.ts';
import { readYaml, VALUES_MAX } from './yaml-text.ts';

const DEPTH_MAX = 16;
/** Files of one scenario, counted once for each include. */
const FILES_MAX = 64;

/** Merged name by name; every other value is replaced as a whole. */
const MERGED = ['variables', 'doorbells', 'agencies', 'partners', 'settings'];
const APPENDED = ['steps', 'expect'];

/** A scenario merged with its includes. Throws a ScenarioProblem. */
export function withIncludes(root: Mapping, folder: ScenarioFolder): Mapping {
  return new Includes(folder).into(root, [root.source.file]);
}

class Includes {
  readonly #folder: ScenarioFolder;
  #files = 0;

  constructor(folder: ScenarioFolder) {
    this.#folder = folder;
  }

  /** `chain`: the files from the scenario to this one. */
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
    if (text.includes('${')) throw refuse('an include cannot contain a variable: variables are replaced later');
    if (!/\.ya?ml$/i.test(text)) throw refuse(`${shown(text)} is not a YAML file`);
    const path = this.#folder.fileAt(node, text);
    if (chain.includes(path)) {
      const circle = [...chain.slice(chain.indexOf(path)), path].map((file) => relative(this.#folder.root, file));
      throw refuse(`the includes are circular: ${circle.join(' -> ')}`);
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
