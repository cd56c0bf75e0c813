// `npm run docs`: makes the documentation as a static site in docs/site/dist. `--out DIR` names another folder, `--source URL` the address of
// the repository's files, without which they are not linked.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Eleventy from '@11ty/eleventy';
import { Addresses, allDocuments, pageOf } from './addresses.mjs';
import { breakable, headingsOf } from './html.mjs';
import { httpDocuments } from './http-documents.mjs';
import { httpPage } from './http-reference.mjs';
import { makeMarkdown } from './markdown.mjs';
import { mqttPage } from './mqtt-reference.mjs';
import { packagePages } from './package-reference.mjs';
import { picturesPage } from './pictures.mjs';
import { searchScript } from './search-index.mjs';
import { sidebar, TITLES } from './sidebar.mjs';
import { styleSheets } from './style.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const here = 'docs/site';
const { values } = parseArgs({ options: { out: { type: 'string' }, source: { type: 'string' } } });
const out = resolve(values.out ?? join(root, here, 'dist'));

const readJson = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));

/** All pages, with their content as HTML or Markdown: `{ address, title, content, source }`, `source` naming a Markdown file. */
async function allPages(addresses, documents, markdown) {
  const written = documents.map((source) => {
    const content = readFileSync(join(root, source), 'utf8');
    const address = pageOf(source);
    const title = TITLES.get(address) ?? /^# (.+)$/m.exec(content)?.[1]?.replaceAll('`', '') ?? address;
    return { address, title, content, source };
  });
  const errors = pageOf('device/contract/ERRORS.md');
  const http = Object.entries(await httpDocuments()).map(([name, document]) => httpPage(name, document, errors));
  const [api, examples] = ['device/contract/asyncapi.json', 'device/contract/examples.json'];
  const files = { api: addresses.copy(api), examples: addresses.copy(examples) };
  const mqtt = mqttPage(readJson(api), readJson(examples), files);
  const { pages } = packagePages(root, markdown);
  return { http, pages: [...written, picturesPage(root, addresses), ...http, mqtt, ...pages] };
}

/** Runs Eleventy over pages that are there in memory alone. Returns their HTML by their addresses. */
async function renderPages(pages, markdown, folder) {
  const groups = sidebar(pages);
  const eleventy = new Eleventy(join(here, 'templates'), folder, {
    quietMode: true,
    configPath: false,
    config(site) {
      site.setLibrary('md', markdown);
      site.addGlobalData('groups', groups);
      site.addFilter('headings', headingsOf);
      site.addFilter('breakable', breakable);
      for (const { address, title, content, source = null, of = null } of pages) {
        const data = { layout: 'page.njk', permalink: address, address, title, source, packageName: of };
        const base = '../'.repeat(address.split('/').length - 1);
        const isHome = address === 'index.html';
        const path = join(here, 'templates', address.replace(/\.html$/, source ? '.md' : '.html'));
        site.addTemplate(path, content, { ...data, base, isHome });
      }
      // The texts are finished: braces in them are no commands of a template.
      return { markdownTemplateEngine: false, htmlTemplateEngine: false };
    },
  });
  await eleventy.write();
  return new Map(pages.map(({ address }) => [address, readFileSync(join(folder, address), 'utf8')]));
}

async function main() {
  process.chdir(root);
  const documents = allDocuments(root);
  const addresses = new Addresses(root, documents, values.source ?? null);
  const markdown = makeMarkdown(addresses);
  const { http, pages } = await allPages(addresses, documents, markdown);
  const fresh = `${out}.${process.pid}.new`;
  try {
    const rendered = await renderPages(pages, markdown, fresh);
    const write = (place, content) => {
      mkdirSync(dirname(join(fresh, place)), { recursive: true });
      writeFileSync(join(fresh, place), content);
    };
    for (const { file, document } of http) write(file, `${JSON.stringify(document, null, 2)}\n`);
    for (const [place, file] of addresses.copied) write(place, readFileSync(file));
    for (const [place, text] of styleSheets(root)) write(place, text);
    for (const name of ['theme.js', 'site.js']) write(`page/${name}`, readFileSync(join(here, 'page', name)));
    write('page/icon.svg', readFileSync('device/console-page/icon.svg'));
    write('page/minisearch.js', readFileSync('node_modules/minisearch/dist/umd/index.js'));
    write('page/search-index.js', searchScript(pages, rendered));
    // Swapped whole, so that a failed build leaves the site of before.
    rmSync(out, { recursive: true, force: true });
    mkdirSync(dirname(out), { recursive: true });
    renameSync(fresh, out);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  console.log(`${pages.length} pages: open ${join(out, 'index.html')}`);
}

await main();
