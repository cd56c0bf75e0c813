// The pages of the HTTP servers, made of their OpenAPI documents.
import { relativeTo } from './addresses.mjs';
import { anchorMaker, escapeHtml, heading, pathCode, proseHtml, table } from './html.mjs';
import { schemaHtml } from './json-schema.mjs';

const code = (text) => `<code>${escapeHtml(text)}</code>`;

/** Roles without a scheme; the others' are described in the document. */
const OPEN_ROLES = {
  public: 'Anyone.',
  signed: 'Whoever signed the body’s content; the signature is the proof.',
  home: 'A home that signed the body’s content.',
  credentials: 'Whoever knows the secret that the body, or `Authorization: Basic`, holds.',
};

/** The page of one server. `document`: its OpenAPI document, copied to the site as `file`. */
export function httpPage(name, document, errorsPage) {
  const address = `reference/http-${name}.html`;
  const file = `files/openapi/${name}.json`;
  const anchorOf = anchorMaker();
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ title: `${method.toUpperCase()} ${path}`, operation })),
  );
  const parts = [
    heading(1, anchorOf(`HTTP of the ${name}`), `HTTP of the ${name}`),
    `<p>${escapeHtml(document.info.title)}, version ${escapeHtml(document.info.version)}. Made of the routes that the server enforces: `,
    `<a href="${relativeTo(address, file)}">OpenAPI ${escapeHtml(document.openapi)}</a>, `,
    `${operations.length} operations.</p>`,
    rolesHtml(document, operations, anchorOf),
    heading(2, anchorOf('Refusals'), 'Refusals'),
    `<p>Each is a problem document (RFC 9457) with a code: <a href="${relativeTo(address, errorsPage)}">all codes</a>.</p>`,
    schemaHtml(document.components.schemas.Problem),
    ...operations.map(({ title, operation }) => operationHtml(title, operation, anchorOf)),
  ];
  return { address, title: `HTTP of the ${name}`, content: parts.join('\n'), file, document };
}

function rolesHtml(document, operations, anchorOf) {
  const schemes = document.components.securitySchemes;
  const used = [...new Set(operations.flatMap(({ operation }) => operation['x-roles']))].sort();
  const rows = used.map((role) => {
    const words = schemes[role]?.description ?? OPEN_ROLES[role];
    if (words === undefined) throw new Error(`nothing says how the role ${role} proves itself`);
    return [code(role), proseHtml(words)];
  });
  return `${heading(2, anchorOf('Who may call'), 'Who may call')}${table(['Role', 'Proof'], rows)}`;
}

function operationHtml(title, operation, anchorOf) {
  const parts = [
    heading(2, anchorOf(title), pathCode(title)),
    `<p>${proseHtml(operation.summary)}</p>`,
    `<p class="roles">For ${operation['x-roles'].map(code).join(', ')}.</p>`,
  ];
  if (operation.parameters.length > 0) {
    const rows = operation.parameters.map(({ name, in: where, required, schema }) => [
      code(name),
      where,
      required ? 'yes' : 'no',
      schemaHtml(schema).replaceAll(/<\/?p>/g, ''),
    ]);
    parts.push(table(['Parameter', 'In', 'Required', 'Value'], rows));
  }
  if (operation.requestBody) {
    const { required, content } = operation.requestBody;
    parts.push(contentHtml(`Body${required ? '' : ', optional'}`, content));
  }
  for (const [status, { content = {} }] of Object.entries(operation.responses))
    if (status !== 'default') parts.push(contentHtml(`Answer ${code(status)}`, content));
  return parts.join('\n');
}

/** A body with its types in one line, then the fields of those that have a schema. `words` is HTML. */
function contentHtml(words, content) {
  const types = Object.keys(content).map(code).join(' or ');
  const schemas = Object.values(content).flatMap(({ schema }) => (schema ? [schemaHtml(schema)] : []));
  return `<p class="part">${words}${types === '' ? ', nothing in it' : `, ${types}`}</p>${schemas.join('\n')}`;
}
