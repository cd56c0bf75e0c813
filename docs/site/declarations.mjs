// Reads what TypeScript modules export, from the declarations that the compiler wrote. Schemas are declared by their source, which names
// limits and has a sentence for each field. TypeDoc is not used: it needs a second compiler, and it spells out each type that zod infers.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSync } from 'oxc-parser';

const nameOf = (node) => node.name ?? node.value;

/** Modules, each parsed once, by their files. */
export class Declarations {
  #modules = new Map();
  /** Files of our packages' exports, by the names under which they are imported. */
  #offered;

  /** `offered`: the `.d.ts` file of each name that a package exports. */
  constructor(offered) {
    this.#offered = offered;
  }

  /** What a module exports, by name: `{ file, name }` of the declaration. */
  exportsOf(file) {
    const { exported, passedOn } = this.#read(file);
    const all = new Map([...exported].map(([name, of]) => [name, this.#follow(file, of)]));
    for (const other of passedOn) for (const [name, of] of this.exportsOf(this.#find(file, other))) all.set(name, of);
    return all;
  }

  /** The declarations of a name in a file: several if it is a schema and a type, or overloaded. */
  of({ file, name }) {
    return this.#read(file).declared.get(name) ?? [];
  }

  /** Where a name that a file uses is declared; null if not by us. */
  meant(file, name) {
    const { declared, imported } = this.#read(file);
    if (declared.has(name)) return { file, name };
    const from = imported.get(name);
    return from ? this.#follow(file, from) : null;
  }

  /** Follows imports and exports to the declaration; null where it is another's. */
  #follow(file, { from, name }) {
    if (from === null) return this.meant(file, name);
    const target = this.#find(file, from);
    return target === null ? null : (this.exportsOf(target).get(name) ?? null);
  }

  #find(file, specifier) {
    if (!specifier.startsWith('.')) return this.#offered.get(specifier) ?? null;
    const path = join(dirname(file), specifier.replace(/\.[jt]s$/, '.d.ts'));
    return existsSync(path) ? path : null;
  }

  #read(file) {
    const known = this.#modules.get(file);
    if (known) return known;
    const made = readModule(file);
    this.#modules.set(file, made);
    return made;
  }
}

function readModule(file) {
  const { text, body, docOf } = parsed(file);
  const source = file.replace(/\/dist\//, '/').replace(/\.d\.ts$/, '.ts');
  const schemas = existsSync(source) ? schemasIn(source) : new Map();
  const module = { declared: new Map(), exported: new Map(), imported: new Map(), passedOn: [] };
  const declare = (statement, node) => {
    for (const one of node.declarations ?? [node]) {
      const name = nameOf(one.id);
      const of = { doc: docOf(statement), ...declarationOf(text, node, one, docOf) };
      const isSchema = node.type === 'VariableDeclaration' && /^z\.Zod/.test(annotationOf(text, one));
      const shown = isSchema && schemas.has(name) ? { ...of, text: schemas.get(name) } : of;
      module.declared.set(name, [...(module.declared.get(name) ?? []), shown]);
      if (statement !== node) module.exported.set(name, { from: null, name });
    }
  };
  for (const statement of body) {
    if (statement.type === 'ImportDeclaration') {
      for (const { local, imported } of statement.specifiers)
        if (imported) module.imported.set(nameOf(local), { from: statement.source.value, name: nameOf(imported) });
    } else if (statement.type === 'ExportAllDeclaration') module.passedOn.push(statement.source.value);
    else if (statement.type === 'ExportNamedDeclaration') {
      if (statement.declaration) declare(statement, statement.declaration);
      for (const { local, exported } of statement.specifiers)
        module.exported.set(nameOf(exported), { from: statement.source?.value ?? null, name: nameOf(local) });
    } else if (statement.id || statement.declarations) declare(statement, statement);
  }
  return module;
}

/** A file's statements, and what finds the comment before one. */
function parsed(file) {
  const text = readFileSync(file, 'utf8');
  const { program, comments, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const docs = comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*'));
  const docOf = ({ start }) => {
    const doc = docs.findLast(({ end }) => end <= start);
    if (!doc || text.slice(doc.end, start).trim() !== '') return '';
    return doc.value.replaceAll(/^[ \t]*\*+ ?/gm, '').trim();
  };
  return { text, body: program.body, docOf };
}

const annotationOf = (text, { id }) =>
  id.typeAnnotation ? text.slice(id.typeAnnotation.start + 1, id.typeAnnotation.end).trim() : '';

/** `kind`, `text` as TypeScript, and of a class its public members in place of its body. */
function declarationOf(text, node, one, docOf) {
  const slice = (from, to) =>
    text
      .slice(from, to)
      .replace(/^(export |declare )+/, '')
      .trim();
  switch (node.type) {
    case 'ClassDeclaration': {
      const members = one.body.body.filter(
        ({ accessibility, key }) => accessibility !== 'private' && key?.type !== 'PrivateIdentifier',
      );
      return {
        kind: 'class',
        text: slice(node.start, one.body.start),
        members: members.map((member) => ({
          name: member.computed ? `[${text.slice(member.key.start, member.key.end)}]` : nameOf(member.key),
          text: text.slice(member.start, member.end),
          doc: docOf(member),
        })),
      };
    }
    case 'TSInterfaceDeclaration':
      return { kind: 'interface', text: slice(node.start, node.end) };
    case 'TSTypeAliasDeclaration':
      return { kind: 'type', text: slice(node.start, node.end) };
    case 'VariableDeclaration':
      return { kind: 'constant', text: `const ${text.slice(one.start, one.end)};` };
    default:
      return { kind: 'function', text: slice(node.start, node.end) };
  }
}

/** Each constant of a source with its value, as text. */
function schemasIn(source) {
  const { text, body } = parsed(source);
  const constants = body.flatMap((statement) => (statement.declaration ?? statement).declarations ?? []);
  return new Map(constants.map((one) => [nameOf(one.id), `const ${text.slice(one.start, one.end)};`]));
}
