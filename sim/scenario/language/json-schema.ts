// The JSON Schema with which editors complete and check scenario files; published as sim/scenario/scenario.schema.json.
import { z } from 'zod';
import { WrittenScenario } from './written-scenario.ts';
import { STEP_VERBS, WrittenStep } from './written-steps.ts';

type Json = { [key: string]: unknown };

/** The schema in JSON Schema draft 7, which YAML language servers support. */
export function scenarioJsonSchema(): Json {
  const verbs = Object.keys(STEP_VERBS).map((verb) => ({ required: [verb] }));
  const schema = z.toJSONSchema(WrittenScenario, {
    io: 'input',
    target: 'draft-07',
    reused: 'ref',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // A step has exactly one verb; Zod checks that in code, which it cannot convert.
      if (zodSchema === WrittenStep) jsonSchema.oneOf = verbs;
    },
  });
  const { $schema, properties, definitions, ...rest } = withVariables(schema, true);
  return {
    $schema,
    title: 'A scenario of doorsill',
    ...rest,
    properties,
    definitions: { ...asJson(definitions), variable: { type: 'string', pattern: '\\$\\{[^{}]+\\}' } },
  };
}

/** Lets a text with a variable, such as `${rate}`, stand wherever a number, a boolean, a list or a restricted text is expected. */
function withVariables(schema: unknown, isRoot = false): Json {
  const node = asJson(schema);
  const inner = Object.fromEntries(
    Object.entries(node).map(([key, value]) => {
      if (key === 'properties' || key === 'definitions')
        return [key, mapValues(asJson(value), (one) => withVariables(one))];
      if (key === 'items' || key === 'additionalProperties') return [key, isJson(value) ? withVariables(value) : value];
      if (key === 'anyOf' && Array.isArray(value)) return [key, value.map((one) => withVariables(one))];
      return [key, value];
    }),
  );
  if (isRoot || !isNarrow(node)) return inner;
  const { description, ...narrow } = inner;
  const described = description === undefined ? {} : { description };
  return { ...described, anyOf: [narrow, { $ref: '#/definitions/variable' }] };
}

/** Whether a schema is that of a number, a boolean, a list or a restricted text. */
function isNarrow({ type, pattern, format, enum: words, const: word }: Json): boolean {
  if (type === 'string')
    return pattern !== undefined || format !== undefined || words !== undefined || word !== undefined;
  return type === 'number' || type === 'integer' || type === 'boolean' || type === 'array';
}

function mapValues(json: Json, change: (value: unknown) => unknown): Json {
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, change(value)]));
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asJson(value: unknown): Json {
  return isJson(value) ? value : {};
}
