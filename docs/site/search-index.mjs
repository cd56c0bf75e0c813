// The index of the search, made beforehand: one entry for each heading. It is a script, because a page from a disk may not fetch.
import MiniSearch from 'minisearch';
import { sectionsOf } from './html.mjs';

/** The browser reads the index by the same ones, which are in the script. */
const OPTIONS = { fields: ['title', 'page', 'text'], storeFields: ['title', 'page', 'start', 'rank'] };
const START_LENGTH = 160;

/** Guides come before references, and these before design notes and single declarations. */
function rankOf({ address, of }) {
  if (address.startsWith('notes/')) return 0.7;
  if (of !== undefined) return address.endsWith('/client.html') ? 1 : 0.6;
  return address.startsWith('reference/') || address === 'cli.html' ? 1 : 1.2;
}

const contentOf = (html) => html.slice(html.indexOf('<!--content-->'), html.indexOf('<!--/content-->'));

/** The script that holds the index. `rendered`: the pages' HTML by their addresses. */
export function searchScript(pages, rendered) {
  const index = new MiniSearch(OPTIONS);
  for (const page of pages)
    for (const { anchor, title, text } of sectionsOf(contentOf(rendered.get(page.address))))
      index.add({
        id: `${page.address}#${anchor}`,
        title,
        page: page.title === title ? '' : page.title,
        text,
        start: text.slice(0, START_LENGTH),
        rank: rankOf(page),
      });
  return `globalThis.searchOptions = ${JSON.stringify(OPTIONS)};\nglobalThis.searchIndex = ${JSON.stringify(JSON.stringify(index))};\n`;
}
