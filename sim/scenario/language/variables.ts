// A scenario's variables: their sources, the matrix, and substitution in texts. A text that is only a variable becomes the variable's
// value, of any kind.
import { nearestWord } from '@doorsill/base/schema-fault';
import {
  type Entry,
  type Located,
  list,
  mapping,
  type Plain,
  plainOf,
  positionOf,
  type Source,
  scalar,
  valueAt,
} from './located.ts';
import { type Faults, faultAt, problemAt, shown } from './mistakes.ts';
import { TEXT_LENGTH_MAX, VALUES_MAX } from './yaml-text.ts';

export const VARIANTS_MAX = 1_000;
const VARIABLES_MAX = 1_000;
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;
/** A second dollar sign in front escapes it. */
const MARK = /\$?\$\{([^{}]*)\}/g;
const ALONE = /^\$\{([^{}]*)\}$/;

export interface Variant {
  /** The values of the matrix, as text. */
  label: Record<string, string>;
  values: Map<string, Located>;
}

/**
 * The scenario's variants (one without a matrix): its own variables, overridden by the matrix, overridden by `settings` (`--set
 * name=value`). Throws a ScenarioProblem.
 */
export function variantsOf(root: Located, settings: ReadonlyMap<string, Plain>): Variant[] {
  const own = namedValues(valueAt(root, 'variables'));
  const given = new Map([...settings].map(([name, value]) => [name, scalar(COMMAND_LINE, value)]));
  let variants: Variant[] = [{ label: {}, values: new Map([...own, ...given]) }];
  const matrix = valueAt(root, 'matrix');
  for (const [name, node] of namedValues(matrix)) {
    const fixed = given.get(name);
    const values = fixed ? [fixed] : node.kind === 'list' ? node.items : [];
    if (values.length === 0)
      throw problemAt('scenario_value_refused', node, `matrix.${shown(name)}: it takes a list of values`);
    if (variants.length * values.length > VARIANTS_MAX) {
      throw problemAt('scenario_limit', matrix ?? node, `the matrix has more than ${VARIANTS_MAX} variants`);
    }
    variants = variants.flatMap((variant) =>
      values.map((value, at) => ({
        label: { ...variant.label, [name]: labelOf(value, at) },
        values: new Map([...variant.values, [name, value]]),
      })),
    );
  }
  return variants;
}

/** The source of `--set` values. */
export const COMMAND_LINE = {
  source: { file: '--set', positionOf: () => ({ line: 1, column: 1 }) } satisfies Source,
  offset: 0,
};

/** The names that a scenario defines. Throws a ScenarioProblem. */
export function namesOf(root: Located): string[] {
  return [...namedValues(valueAt(root, 'variables')).keys(), ...namedValues(valueAt(root, 'matrix')).keys()];
}

const LABEL_LENGTH_MAX = 60;

function labelOf(value: Located, at: number): string {
  const text = value.kind === 'scalar' ? String(value.value) : value.size > 20 ? '' : JSON.stringify(plainOf(value));
  return text !== '' && text.length <= LABEL_LENGTH_MAX ? text : `#${at + 1}`;
}

function namedValues(node: Located | undefined): Map<string, Located> {
  if (!node || (node.kind === 'scalar' && node.value === null)) return new Map();
  if (node.kind !== 'map')
    throw problemAt('scenario_value_refused', node, 'variables and matrix each take a map of names');
  if (node.entries.size > VARIABLES_MAX)
    throw problemAt('scenario_limit', node, `there are more than ${VARIABLES_MAX} variables`);
  return new Map(
    [...node.entries].map(([name, { key, value }]) => {
      if (NAME.test(name)) return [name, value];
      throw problemAt(
        'scenario_value_refused',
        key,
        `a variable is named by letters, digits, - and _, not "${shown(name)}"`,
      );
    }),
  );
}

/** Substitutes a variant's values; shared nodes are processed once. */
export class Substitution {
  readonly #values: ReadonlyMap<string, Located>;
  readonly #faults: Faults;
  readonly #ready = new Map<string, Located | null>();
  readonly #open: string[] = [];
  /** Variables that were referenced. */
  readonly used = new Set<string>();

  constructor(values: ReadonlyMap<string, Located>, faults: Faults) {
    this.#values = values;
    this.#faults = faults;
  }

  /** The value with all variables replaced. Throws a ScenarioProblem if it exceeds the limits. */
  into(node: Located): Located {
    if (node.kind === 'scalar')
      return typeof node.value === 'string' && node.value.includes('${') ? this.#text(node, node.value) : node;
    const whole = node.kind === 'list' ? this.#list(node, node.items) : this.#map(node, node.entries);
    if (whole.size > VALUES_MAX)
      throw problemAt('scenario_limit', node, `with its variables this is more than ${VALUES_MAX} values`);
    return whole;
  }

  #list(node: Located, items: readonly Located[]): Located {
    const replaced = items.map((item) => this.into(item));
    return replaced.every((item, at) => item === items[at]) ? node : list(node, replaced);
  }

  #map(node: Located, entries: ReadonlyMap<string, Entry>): Located {
    let isSame = true;
    const replaced = new Map<string, Entry>();
    for (const [key, entry] of entries) {
      const value = this.into(entry.value);
      isSame &&= value === entry.value;
      replaced.set(key, { key: entry.key, value });
    }
    return isSame ? node : mapping(node, replaced);
  }

  #text(node: Located, text: string): Located {
    const alone = ALONE.exec(text)?.[1];
    if (alone !== undefined) {
      const value = this.#valueOf(alone, node);
      // A fault in a scalar is shown where it is used; one in a larger value where it is written.
      return value?.kind === 'scalar' ? scalar(node, value.value) : (value ?? node);
    }
    let length = 0;
    const whole = text.replaceAll(MARK, (mark, name: string) => {
      if (mark.startsWith('$$')) return mark.slice(1);
      const value = this.#valueOf(name, node);
      if (value && (value.kind !== 'scalar' || value.value === null)) {
        throw problemAt(
          'scenario_variable_refused',
          node,
          `${'$'}{${name}} is not a text or number, so it cannot be part of a text`,
        );
      }
      const part = value?.kind === 'scalar' ? String(value.value) : mark;
      length += part.length;
      if (length > TEXT_LENGTH_MAX)
        throw problemAt(
          'scenario_limit',
          node,
          `with its variables this text has more than ${TEXT_LENGTH_MAX} letters`,
        );
      return part;
    });
    return scalar(node, whole);
  }

  #valueOf(name: string, node: Located): Located | null {
    this.used.add(name);
    const ready = this.#ready.get(name);
    if (ready !== undefined) return ready;
    const value = this.#values.get(name);
    if (!value) {
      const meant = nearestWord(name, [...this.#values.keys()]);
      this.#faults.add(
        faultAt('scenario_variable_refused', positionOf(node), `there is no variable "${shown(name)}"`, meant),
      );
      return null;
    }
    if (this.#open.includes(name)) {
      const circle = [...this.#open.slice(this.#open.indexOf(name)), name].map(shown).join(' -> ');
      throw problemAt('scenario_variable_refused', node, `the variable refers to itself: ${circle}`);
    }
    this.#open.push(name);
    const whole = this.into(value);
    this.#open.pop();
    this.#ready.set(name, whole);
    return whole;
  }
}
