// Finds the scenario files of a folder and reads each, from its text to the resolved scenario. Faulty files are reported, and the others
// are read all the same.

import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { systemCode } from '@doorsill/base/disk';
import { WITHOUT_ZODS_WORDS } from '@doorsill/base/schema-fault';
import { failure } from '../../errors.ts';
import { withIncludes } from './includes.ts';
import { type Located, mapping, type Plain, plainOf, valueAt } from './located.ts';
import { Faults, faultAt, problemAt, type ScenarioFault, ScenarioProblem, unknownName } from './mistakes.ts';
import { readModule } from './module-file.ts';
import { resolveScenario } from './resolve-scenario.ts';
import type { Scenario } from './scenario.ts';
import { isSystemError, readBounded, ScenarioFolder } from './scenario-folder.ts';
import { schemaFaults } from './schema-faults.ts';
import { COMMAND_LINE, namesOf, Substitution, type Variant, variantsOf } from './variables.ts';
import { STEPS_MAX, WrittenScenario } from './written-scenario.ts';
import { readYaml } from './yaml-text.ts';

export interface ReadOptions {
  /** The folder that scenarios may read; default: the read folder, or the file's. */
  folder?: string;
  /** `--set name=value`: overrides all other values of a variable. */
  set?: ReadonlyMap<string, string>;
}

export interface ReadScenarios {
  scenarios: Scenario[];
  faults: ScenarioFault[];
  /** Real paths of all files and folders that they name, including their own. */
  files: string[];
}

/** Maximum number of scenarios in one call; each variant counts. */
export const SCENARIOS_MAX = 10_000;
/** Maximum number of values in all variants of all files, which are held in memory. */
const VALUES_ALL_MAX = 8_000_000;
const ENTRIES_MAX = 50_000;
const FOLDERS_DEEP_MAX = 16;

const YAML_NAME = /\.ya?ml$/i;
/** Code is loaded only from files with this name. */
const MODULE_NAME = /\.scenario\.(ts|mts|js|mjs)$/i;
const ANY_MODULE_NAME = /\.(ts|mts|js|mjs)$/i;

/**
 * Reads a scenario, or all of a folder by path. Names that begin with `_` or `.` are skipped: they are for includes. Code is loaded last,
 * and only if no YAML file has a fault. Throws `scenario_none` if there is nothing to read.
 */
export async function readScenarios(path: string, options: ReadOptions = {}): Promise<ReadScenarios> {
  const none = (detail: string) => failure('scenario_none', { path, detail });
  const whole = resolve(path);
  try {
    const facts = statSync(whole, { throwIfNoEntry: false });
    if (!facts) throw none('it is not there');
    const files = facts.isDirectory() ? filesIn(whole, 0) : [whole];
    if (files.length === 0) throw none('no file in it is named like one');
    const folder = new ScenarioFolder(options.folder ?? (facts.isDirectory() ? whole : dirname(whole)));
    const reading = new Reading(folder, options.set ?? new Map());
    const isText = (file: string) => YAML_NAME.test(file);
    for (const file of files.filter(isText)) await reading.read(file);
    // Reading code runs it, so this happens only if nothing else keeps the scenarios from running.
    const code = files.filter((file) => !isText(file));
    const isWhole = code.length === 0 || reading.faults.length === 0;
    if (isWhole) for (const file of code) await reading.read(file);
    if (isWhole) reading.checkSettings();
    return { scenarios: reading.inOrderOf(files), faults: reading.faults, files: folder.named };
  } catch (thrown) {
    throw isSystemError(thrown) ? none(`it cannot be read (${systemCode(thrown)})`) : thrown;
  }
}

function filesIn(folder: string, depth: number): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (entries.length > ENTRIES_MAX || depth > FOLDERS_DEEP_MAX) {
    throw failure('scenario_none', { path: folder, detail: 'it holds too many files or folders to look through' });
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (/^[_.]/.test(entry.name) || entry.name === 'node_modules') return [];
    if (entry.isDirectory()) return filesIn(path, depth + 1);
    return YAML_NAME.test(entry.name) || MODULE_NAME.test(entry.name) ? [path] : [];
  });
}

class Reading {
  readonly faults: ScenarioFault[] = [];
  readonly #scenarios: Scenario[] = [];
  /** The scenarios of each file. */
  readonly #found = new Map<string, Scenario[]>();
  readonly #folder: ScenarioFolder;
  readonly #set: ReadonlyMap<string, Plain>;
  /** Variables that any scenario defines or uses. */
  readonly #named = new Set<string>();
  #values = 0;

  constructor(folder: ScenarioFolder, set: ReadonlyMap<string, string>) {
    this.#folder = folder;
    this.#set = new Map([...set].map(([name, text]) => [name, plainText(text)]));
  }

  /** Reads one file; collects its faults. */
  async read(file: string): Promise<void> {
    const faults = new Faults();
    const before = this.#scenarios.length;
    try {
      for (const root of await this.#rootsOf(file)) this.#readRoot(root, faults);
    } catch (thrown) {
      if (thrown instanceof ScenarioProblem) faults.add(thrown.fault);
      else if (!isSystemError(thrown)) throw thrown;
      else
        faults.add(
          faultAt('scenario_file_missing', { file, line: 1, column: 1 }, `it cannot be read (${systemCode(thrown)})`),
        );
    }
    this.#found.set(file, this.#scenarios.slice(before));
    // Every variant has the same fault: it is reported once.
    const distinct = new Map(faults.all.map((fault) => [fault.message, fault]));
    this.faults.push(...distinct.values());
  }

  /** The scenarios, file by file. */
  inOrderOf(files: readonly string[]): Scenario[] {
    return files.flatMap((file) => this.#found.get(file) ?? []);
  }

  async #rootsOf(file: string): Promise<Located[]> {
    const place = { source: { file, positionOf: () => ({ line: 1, column: 1 }) }, offset: 0 };
    const real = this.#folder.fileAt(place, basename(file));
    if (YAML_NAME.test(file)) return [readYaml(real, readBounded(real))];
    if (ANY_MODULE_NAME.test(file)) return readModule(real);
    throw failure('scenario_none', {
      path: file,
      detail: 'its name ends in none of .yaml, .yml, .ts, .mts, .js, .mjs',
    });
  }

  #readRoot(written: Located, faults: Faults): void {
    if (written.kind !== 'map') throw problemAt('scenario_value_refused', written, 'a scenario is a map of words');
    const root = withIncludes(written, this.#folder);
    for (const word of ['steps', 'expect']) {
      const node = valueAt(root, word);
      if (node?.kind !== 'list' || node.items.length <= STEPS_MAX) continue;
      throw problemAt('scenario_limit', node.items[STEPS_MAX] ?? node, `${word} has more than ${STEPS_MAX} entries`);
    }
    const variants = variantsOf(root, this.#set);
    for (const name of namesOf(root)) this.#named.add(name);
    const body = mapping(
      root,
      new Map([...root.entries].filter(([word]) => word !== 'variables' && word !== 'matrix')),
    );
    this.#values += body.size * variants.length;
    if (this.#values > VALUES_ALL_MAX || this.#scenarios.length + variants.length > SCENARIOS_MAX) {
      const detail = `with this, there are more than ${SCENARIOS_MAX} scenarios, or ${VALUES_ALL_MAX} values in them`;
      throw problemAt('scenario_limit', root, detail);
    }
    for (const variant of variants) {
      const own = new Faults();
      const scenario = own.catch(() => this.#readVariant(body, variant, own));
      if (scenario && own.all.length === 0) this.#scenarios.push(scenario);
      for (const fault of own.all) faults.add(fault);
    }
  }

  /** Reports settings that no scenario uses: a misspelled one would be without effect. */
  checkSettings(): void {
    for (const name of this.#set.keys()) {
      if (!this.#named.has(name)) this.faults.push(unknownName(COMMAND_LINE, 'variable', name, [...this.#named]));
    }
  }

  #readVariant(body: Located, { label, values }: Variant, faults: Faults): Scenario | null {
    const substitution = new Substitution(values, faults);
    const root = substitution.into(body);
    for (const name of substitution.used) this.#named.add(name);
    if (faults.all.length > 0) return null;
    const parsed = WrittenScenario.safeParse(plainOf(root), WITHOUT_ZODS_WORDS);
    if (parsed.success) return resolveScenario(parsed.data, root, { folder: this.#folder, variant: label, faults });
    for (const fault of schemaFaults(WrittenScenario, parsed.error, root)) faults.add(fault);
    return null;
  }
}

/** A value from the command line, parsed like a plain YAML scalar. */
function plainText(text: string): Plain {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$/.test(text) ? Number(text) : text;
}
