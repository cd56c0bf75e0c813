// The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1) of declared routes: the schemas that are enforced, as JSON Schema
// 2020-12.
import { PROBLEM_TYPE, ProblemDocument } from '@doorsill/contract/problem';
import { z } from 'zod';
import { type Content, type Declared, FORM_TYPE, IDEMPOTENCY_KEY, isSchema, statusOf } from './route-declaration.ts';

/** How each role authenticates, as an OpenAPI security scheme; null: not at all, or by the body. */
type Schemes = Readonly<Record<string, object | null>>;

/** The document of these routes. Everything it states is enforced, and so are checks that JSON Schema cannot express. */
export function documentOf(title: string, version: string, routes: readonly Declared[], schemes: Schemes): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of [...routes].sort((a, b) => a.path.localeCompare(b.path))) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, schemes) };
  }
  const used = new Set(routes.flatMap(({ roles }) => roles));
  const named = Object.entries(schemes).filter(([role, scheme]) => scheme !== null && used.has(role));
  return {
    openapi: '3.1.1',
    info: { title, version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: {
      schemas: { Problem: jsonSchema(ProblemDocument, 'output') },
      securitySchemes: Object.fromEntries(named),
    },
  };
}

function operationOf(route: Declared, schemes: Schemes): object {
  const { method, path, roles, about, params, query, headers, body, form, repeatable } = route;
  const security = roles.map((role) => ((schemes[role] ?? null) === null ? {} : { [role]: [] }));
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+(\w?)/g, (_all, next: string) => next.toUpperCase())}`,
    summary: about,
    'x-roles': roles,
    security,
    parameters: [
      ...parametersOf(params, 'path'),
      ...parametersOf(query, 'query'),
      ...parametersOf(headers, 'header'),
      ...(repeatable ? parametersOf(repeatHeaderSchema, 'header') : []),
    ],
    ...(body ? { requestBody: { required: !isOptional(body), content: bodyOf(body, form === true) } } : {}),
    responses: {
      [statusOf(route)]: responseOf(route.answer),
      ...Object.fromEntries(Object.entries(route.also ?? {}).map(([status, content]) => [status, responseOf(content)])),
      default: {
        description: 'A refusal, with its code (RFC 9457).',
        content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function bodyOf(body: Exclude<Content, null>, form: boolean): object {
  return { ...contentOf(body, 'input'), ...(form ? { [FORM_TYPE]: {} } : {}) };
}

function isOptional(body: Content): boolean {
  return isSchema(body) && body.safeParse(undefined).success;
}

function responseOf(content: Content): object {
  const description = isSchema(content)
    ? 'The answer.'
    : content === null
      ? 'Nothing in it.'
      : `As ${[content.media].flat().join(' or ')}.`;
  return content === null ? { description } : { description, content: contentOf(content, 'output') };
}

function contentOf(content: Exclude<Content, null>, io: 'input' | 'output'): object {
  if (isSchema(content)) return { 'application/json': { schema: jsonSchema(content, io) } };
  return Object.fromEntries([content.media].flat().map((media) => [media, {}]));
}

const objectSchema = z.object({
  properties: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  required: z.array(z.string()).default([]),
});

const repeatHeaderSchema = z.object({ [IDEMPOTENCY_KEY]: z.string().min(1).max(130).optional() });

/** The fields of a path, query or header schema, one parameter each. */
function parametersOf(schema: z.ZodType | undefined, where: 'path' | 'query' | 'header'): object[] {
  if (!schema) return [];
  const { properties, required } = objectSchema.parse(jsonSchema(schema, 'input'));
  return Object.entries(properties).map(([name, of]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: of,
  }));
}

/** Removes the pattern from the schema of a count in an address: the count is parsed from text, but the document calls it an integer. */
function plain({ jsonSchema: written }: { jsonSchema: { type?: unknown; pattern?: unknown } }): void {
  if (written.type === 'integer') delete written.pattern;
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const {
    $schema: _dialect,
    '~standard': _standard,
    ...rest
  } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, override: plain });
  return rest;
}
