// Real calls to a server as they were made and answered, told apart by the operations of an OpenAPI document, and what about them the
// document does not say.
import { z } from 'zod';

/** One call as it went over the wire. */
export interface RecordedCall {
  method: string;
  path: string;
  status: number;
  type: string;
  body: unknown;
}

const contentSchema = z.record(z.string(), z.object({ schema: z.record(z.string(), z.unknown()).optional() }));
const operationSchema = z.object({
  operationId: z.string(),
  'x-roles': z.array(z.string()),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  parameters: z.array(z.object({ name: z.string(), in: z.string(), required: z.boolean() })),
  requestBody: z.object({ content: contentSchema }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: contentSchema.optional() })),
});
export const documentSchema = z.object({
  openapi: z.literal('3.1.1'),
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.object({
    schemas: z.record(z.string(), z.record(z.string(), z.unknown())),
    securitySchemes: z.record(z.string(), z.unknown()),
  }),
});
export type ApiDocument = z.infer<typeof documentSchema>;
type Operation = z.infer<typeof operationSchema>;

/** Every operation as `GET /v1/clips/{clip}`. */
export function operationsOf(document: ApiDocument): string[] {
  return Object.entries(document.paths).flatMap(([path, of]) =>
    Object.keys(of).map((method) => `${method.toUpperCase()} ${path}`),
  );
}

/** The operation that a call is of: of two, the one with fewer places. */
export function operationOf(document: ApiDocument, call: RecordedCall): { name: string; of: Operation } | null {
  const path = call.path.split('?')[0] ?? '';
  const fits = Object.keys(document.paths)
    .filter((one) => new RegExp(`^${one.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path))
    .filter((one) => document.paths[one]?.[call.method.toLowerCase()] !== undefined)
    .sort((a, b) => a.split('{').length - b.split('{').length);
  const name = fits[0];
  const of = name === undefined ? undefined : document.paths[name]?.[call.method.toLowerCase()];
  return name === undefined || !of ? null : { name: `${call.method} ${name}`, of };
}

/** What about the answers the document does not say, one line each; empty when it says all. */
export function differences(document: ApiDocument, calls: readonly RecordedCall[]): string[] {
  return calls.flatMap((call) => {
    const found = operationOf(document, call);
    const what = `${call.method} ${call.path} -> ${call.status}`;
    // Addresses that nothing is at are not in the document; the answer is a refusal all the same.
    const told = found?.of.responses[String(call.status)] ?? (call.status >= 400 ? DEFAULT : undefined);
    if (!told) return [`${what}: no such answer`];
    const schema = told.content?.[call.type]?.schema;
    // HEAD has the head of an answer and nothing of its body (RFC 9110 §9.3.2).
    if (call.method === 'HEAD') return call.body === '' ? [] : [`${what}: it should be empty`];
    if (!told.content) return call.body === '' ? [] : [`${what}: it should be empty`];
    if (!(call.type in told.content)) return call.status === 304 ? [] : [`${what}: type ${call.type}`];
    if (!schema) return [];
    const { $ref: refers, ...own } = schema;
    const named = typeof refers === 'string' ? document.components.schemas[refers.replace(COMPONENTS, '')] : own;
    if (!named) return [`${what}: ${refers} is not in the document`];
    const checked = z.fromJSONSchema(named).safeParse(call.body);
    return checked.success ? [] : [`${what}: ${z.prettifyError(checked.error)}`];
  });
}

const COMPONENTS = '#/components/schemas/';

const DEFAULT: Operation['responses'][string] = {
  description: '',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};
