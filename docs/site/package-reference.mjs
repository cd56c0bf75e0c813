// The pages of what each package exports: one for each name that is imported, and one for each package.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { relativeTo } from './addresses.mjs';
import { Declarations } from './declarations.mjs';
import { anchorMaker, codeBlock, escapeHtml, heading, table } from './html.mjs';

/** Packages that offer names, in the order of the sidebar. */
const PACKAGES = ['sim', 'device/contract', 'device/base', 'device', 'cloud-bridge'];
/** The address of a name that is imported. */
const addressOf = (specifier) => `reference/packages/${specifier.replace('@', '')}.html`;

/** Every name that our packages export to importers: `{ specifier, file }`, by package. */
export function offeredModules(root) {
  return PACKAGES.map((folder) => {
    const { name, description, exports } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const modules = Object.entries(exports).flatMap(([path, { types }]) =>
      types ? [{ specifier: `${name}${path.slice(1)}`, file: join(root, folder, types) }] : [],
    );
    return { name, description, modules };
  });
}

/** All pages of the packages: `{ address, title, content, of }`, where `of` is the package's name. */
export function packagePages(root, markdown) {
  const packages = offeredModules(root);
  const modules = packages.flatMap(({ modules: own }) => own);
  const declarations = new Declarations(new Map(modules.map(({ specifier, file }) => [specifier, file])));
  const homes = homesOf(modules, declarations);
  const pages = packages.flatMap((of) => [
    indexPage(of, declarations),
    ...of.modules.map((module) => ({ ...modulePage(module, { declarations, homes, markdown }), of: of.name })),
  ]);
  return { packages, pages };
}

const keyOf = ({ file, name }) => `${file}#${name}`;

/** The address of each declaration: with the module that declares it, or else with the first one that passes it on. */
function homesOf(modules, declarations) {
  const homes = new Map();
  for (const { specifier, file } of modules) {
    const anchorOf = anchorMaker();
    for (const [name, of] of declarations.exportsOf(file)) {
      const anchor = anchorOf(name);
      if (!of || (homes.has(keyOf(of)) && of.file !== file)) continue;
      homes.set(keyOf(of), `${addressOf(specifier)}#${anchor}`);
    }
  }
  return homes;
}

function indexPage({ name, description, modules }, declarations) {
  const address = `reference/packages/${name.replace('@', '')}/index.html`;
  const anchorOf = anchorMaker();
  const rows = modules.map(({ specifier, file }) => {
    const names = [...declarations.exportsOf(file).keys()].map((one) => `<code>${escapeHtml(one)}</code>`);
    const link = escapeHtml(relativeTo(address, addressOf(specifier)));
    return [`<a href="${link}"><code>${escapeHtml(specifier)}</code></a>`, names.join(', ')];
  });
  const content = [
    heading(1, anchorOf(name), escapeHtml(name)),
    `<p>${escapeHtml(description)}</p>`,
    table(['Import', 'Names'], rows),
  ];
  return { address, title: name, content: content.join('\n'), of: name, isIndex: true };
}

function modulePage({ specifier, file }, { declarations, homes, markdown }) {
  const address = addressOf(specifier);
  const anchorOf = anchorMaker();
  const linked = (of, text) =>
    linkedCode(text, (name) => {
      const meant = declarations.meant(of.file, name);
      const home = meant && homes.get(keyOf(meant));
      return home ? relativeTo(address, home) : null;
    });
  const doc = (text) => markdown.render(text, { source: 'README.md', address });
  const block = (of, text) => codeBlock(linked(of, text), { lines: text.split('\n').length });
  const parts = [...declarations.exportsOf(file)].map(([name, of]) => {
    const all = of ? declarations.of(of) : [];
    if (all.length === 0) throw new Error(`${specifier} exports ${name}, whose declaration was not found`);
    const members = all.flatMap(({ members: own = [] }) => own);
    return [
      heading(2, anchorOf(name), `<code>${escapeHtml(name)}</code>`),
      ...all.map((one) => `<p class="roles">${one.kind}</p>${doc(one.doc)}${block(of, one.text)}`),
      ...members.map(
        (member) =>
          `${heading(3, anchorOf(`${name} ${member.name}`), `<code>${escapeHtml(member.name)}</code>`)}${doc(member.doc)}${block(of, member.text)}`,
      ),
    ].join('\n');
  });
  const title = heading(1, `import ${specifier}`.replaceAll(/[^a-z]+/g, '-'), escapeHtml(specifier));
  return { address, title: specifier, content: [title, ...parts].join('\n') };
}

/** TypeScript as HTML: comments stand back, and names that are declared here are links. */
function linkedCode(text, hrefOf) {
  const TOKEN = /(\/\*[\s\S]*?\*\/|\/\/[^\n]*)|('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`[^`]*`)|([A-Za-z_$][\w$]*)/g;
  let html = '';
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, comment, , name] = match;
    const href = name ? hrefOf(name) : null;
    html += escapeHtml(text.slice(at, match.index));
    if (comment) html += `<span class="comment">${escapeHtml(comment)}</span>`;
    else html += href ? `<a href="${escapeHtml(href)}">${escapeHtml(whole)}</a>` : escapeHtml(whole);
    at = match.index + whole.length;
  }
  return html + escapeHtml(text.slice(at));
}
