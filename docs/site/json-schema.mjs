// A JSON Schema as a table of fields, and an example that fits it.
import { escapeHtml, table } from './html.mjs';

const code = (text) => `<code>${escapeHtml(text)}</code>`;
const isObject = ({ properties, additionalProperties }) =>
  properties !== undefined || (typeof additionalProperties === 'object' && additionalProperties !== null);
const variantsOf = ({ anyOf, oneOf }) => anyOf ?? oneOf;

/** A type in a few words, as plain text. */
function typeText(schema) {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const variants = variantsOf(schema);
  if (variants) return [...new Set(variants.map(typeText))].join(' | ');
  if (schema.type === 'array') return `array of ${typeText(schema.items ?? {})}`;
  if (schema.properties) return 'object';
  if (isObject(schema)) return `object, each value ${typeText(schema.additionalProperties)}`;
  return [schema.type ?? 'any'].flat().join(' | ');
}

const isPlainLimit = (value) => value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;

/** A schema's limits, as HTML. */
function limitsOf(schema) {
  const of = schema.type === 'array' && schema.items ? [schema, schema.items] : [schema];
  return of
    .flatMap(({ minimum, exclusiveMinimum, maximum, minLength, maxLength, minItems, maxItems, pattern, ...one }) => [
      isPlainLimit(minimum) ? `at least ${minimum}` : '',
      isPlainLimit(exclusiveMinimum) ? `more than ${exclusiveMinimum}` : '',
      isPlainLimit(maximum) ? `at most ${maximum}` : '',
      minLength === undefined ? '' : `at least ${minLength} character${minLength === 1 ? '' : 's'}`,
      maxLength === undefined ? '' : `at most ${maxLength} characters`,
      minItems === undefined ? '' : `at least ${minItems} item${minItems === 1 ? '' : 's'}`,
      maxItems === undefined ? '' : `at most ${maxItems} items`,
      one.format ? escapeHtml(one.format) : '',
      pattern ? `matches ${code(pattern)}` : '',
      one.default === undefined ? '' : `default ${code(JSON.stringify(one.default))}`,
    ])
    .filter((words) => words !== '')
    .join(', ');
}

/** How a variant of an object differs: the fields with one possible value. */
function variantLabel(variant, number) {
  const fixed = Object.entries(variant.properties ?? {}).filter(([, of]) => of.const !== undefined);
  if (fixed.length === 0) return `variant ${number}`;
  return fixed.map(([name, of]) => `${name} ${JSON.stringify(of.const)}`).join(', ');
}

function fieldRows(schema, path) {
  const variants = variantsOf(schema)?.filter(isObject) ?? [];
  const required = new Set(schema.required ?? []);
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, of]) => {
    const at = path === '' ? name : `${path}.${name}`;
    const need = required.has(name) ? 'yes' : 'no';
    return [[code(at), escapeHtml(typeText(of)), need, limitsOf(of)], ...fieldRows(of, at)];
  });
  if (schema.type === 'array') own.push(...fieldRows(schema.items ?? {}, `${path}[]`));
  else if (!schema.properties && isObject(schema)) own.push(...fieldRows(schema.additionalProperties, `${path}.*`));
  const either = variants.flatMap((variant, at) => [
    ...(variants.length > 1
      ? [
          `<tr><th colspan="4">${path ? `${code(path)} with ` : 'With '}${escapeHtml(variantLabel(variant, at + 1))}</th></tr>`,
        ]
      : []),
    ...fieldRows(variant, path),
  ]);
  return [...own, ...either];
}

/** A schema as HTML: a table of its fields, or its type where it has none. */
export function schemaHtml(schema) {
  const rows = fieldRows(schema, '');
  const whole = `${escapeHtml(typeText(schema))}${limitsOf(schema) ? `, ${limitsOf(schema)}` : ''}`;
  if (rows.length === 0) return `<p>${whole}</p>`;
  const isPlainObject = schema.properties !== undefined || (variantsOf(schema)?.every(isObject) ?? false);
  return `${isPlainObject ? '' : `<p>${whole}</p>`}${table(['Field', 'Type', 'Required', 'Limits'], rows)}`;
}

/** Texts that fit the patterns of the contract. */
const FITTING = {
  '^[a-z0-9][a-z0-9-]{0,62}$': (name) => (name.length > 2 ? `${name.toLowerCase()}-1` : 'front'),
  '^[0-9a-f]{64}$': () => '9f'.repeat(32),
  '^[A-Za-z0-9_-]{43}$': () => `${'k3y'.repeat(14)}A`,
  '^[0-9b-hjkmnp-z]{5}$': () => '9q8yy',
  '^(0|[1-9]\\d{0,3})$': () => '2',
};
/** 2026-09-21T14:13:20Z, as the committed examples have it. */
const EXAMPLE_TIME_US = 1_790_000_000_000_000;

/** A value that fits a schema: optional fields are left out. `name` is its field's. */
export function exampleOf(schema, name = '') {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const variants = variantsOf(schema);
  if (variants) return exampleOf(variants[0], name);
  if (schema.properties)
    return Object.fromEntries(
      (schema.required ?? []).map((required) => [required, exampleOf(schema.properties[required], required)]),
    );
  switch ([schema.type].flat()[0]) {
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => exampleOf(schema.items, name.replace(/s$/, '')));
    case 'integer':
    case 'number':
      return numberOf(schema, name);
    case 'boolean':
      return true;
    case 'string':
      return FITTING[schema.pattern]?.(name) ?? (name === '' ? 'text' : name).padEnd(schema.minLength ?? 0, '.');
    default:
      return {};
  }
}

function numberOf({ minimum, exclusiveMinimum, maximum = Number.MAX_SAFE_INTEGER }, name) {
  if (name.endsWith('Us')) return Math.min(maximum, EXAMPLE_TIME_US);
  if (name === 'iat' || name === 'exp') return EXAMPLE_TIME_US / 1e6;
  const least = exclusiveMinimum === undefined ? (minimum ?? 0) : exclusiveMinimum + 1;
  return Math.max(least, Math.min(maximum, 1));
}
