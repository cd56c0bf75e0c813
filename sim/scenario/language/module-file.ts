// Loads scenarios in TypeScript or JavaScript as plain data.
import { fileURLToPath } from 'node:url';
import { type Clock, SystemClock } from '@doorsill/base/clock';
import { createJiti } from 'jiti';
import { type Entry, type Located, list, mapping, type Source, scalar } from './located.ts';
import { faultAt, problemAt, ScenarioProblem } from './mistakes.ts';
import { DEPTH_MAX, TEXT_LENGTH_MAX, VALUES_MAX } from './yaml-text.ts';

/** A module that takes longer to load waits for something that does not come. */
const LOAD_MS_MAX = 30_000;

/** Path of the module `doorsill/scenario`, in the sources and in the build. */
const DEFINE_SCENARIO = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './define-scenario.ts' : './define-scenario.js', import.meta.url),
);

/** The module's scenarios. `clock` measures its time limit. Throws a ScenarioProblem. */
export async function readModule(file: string, clock: Clock = new SystemClock()): Promise<Located[]> {
  const source: Source = { file, positionOf: () => ({ line: 1, column: 1 }) };
  const exported = await load(file, clock);
  if (exported === undefined) {
    throw problemAt('scenario_module_failed', { source, offset: 0 }, 'it has no default export');
  }
  const root = new PlainReader(source).read(exported, 'default', []);
  return root.kind === 'list' ? root.items : [root];
}

async function load(file: string, clock: Clock): Promise<unknown> {
  const late = new AbortController();
  const jiti = createJiti(import.meta.url, {
    // No cache on disk, so that a changed file is read anew.
    fsCache: false,
    moduleCache: false,
    alias: { 'doorsill/scenario': DEFINE_SCENARIO },
  });
  const tooLate = clock.sleep(LOAD_MS_MAX, late.signal).then(
    () => Promise.reject(new Error(`it was not loaded within ${LOAD_MS_MAX / 1000} s`)),
    () => undefined,
  );
  try {
    const loaded: unknown = await Promise.race([jiti.import(file), tooLate]);
    return typeof loaded === 'object' && loaded !== null && 'default' in loaded ? loaded.default : undefined;
  } catch (thrown) {
    throw new ScenarioProblem(moduleFault(file, thrown));
  } finally {
    late.abort();
  }
}

/** The module's error, at the line that its stack or a syntax error's message names. */
function moduleFault(file: string, thrown: unknown) {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const text = `${error.message}\n${error.stack ?? ''}`;
  const at = text.indexOf(`${file}:`);
  const [, line = '1', column = '1'] = at === -1 ? [] : (/^:(\d+):(\d+)/.exec(text.slice(at + file.length)) ?? []);
  const [first = ''] = error.message.split('\n');
  return faultAt('scenario_module_failed', { file, line: Number(line), column: Number(column) }, first.slice(0, 300));
}

/** Converts a module's values, accepting only plain data, such as YAML can contain. */
class PlainReader {
  readonly #place: { source: Source; offset: number };
  #count = 0;

  constructor(source: Source) {
    this.#place = { source, offset: 0 };
  }

  read(value: unknown, path: string, open: readonly object[]): Located {
    const refuse = (detail: string) => problemAt('scenario_module_failed', this.#place, `${path} ${detail}`);
    this.#count += 1;
    if (this.#count > VALUES_MAX)
      throw problemAt('scenario_limit', this.#place, `it holds more than ${VALUES_MAX} values`);
    if (value === null || typeof value === 'boolean') return scalar(this.#place, value);
    if (typeof value === 'number' && Number.isFinite(value)) return scalar(this.#place, value);
    if (typeof value === 'string') {
      if (value.length <= TEXT_LENGTH_MAX) return scalar(this.#place, value);
      throw problemAt('scenario_limit', this.#place, `${path} has more than ${TEXT_LENGTH_MAX} letters`);
    }
    if (typeof value !== 'object') throw refuse(`is a ${typeof value}, not plain data`);
    if (open.includes(value)) throw refuse('holds itself');
    if (open.length > DEPTH_MAX)
      throw problemAt('scenario_limit', this.#place, `${path} lies more than ${DEPTH_MAX} deep`);
    const within = [...open, value];
    if (Array.isArray(value)) {
      return list(
        this.#place,
        value.map((item: unknown, at) => this.read(item, `${path}[${at}]`, within)),
      );
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    // A module in another context has another `Object`.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw refuse('is not a plain object');
    const entries = new Map<string, Entry>();
    for (const [key, inner] of Object.entries(value)) {
      if (key === '__proto__') throw refuse('has a key __proto__');
      // As in JSON, undefined values are left out.
      if (inner !== undefined)
        entries.set(key, { key: this.#place, value: this.read(inner, `${path}.${key}`, within) });
    }
    return mapping(this.#place, entries);
  }
}
