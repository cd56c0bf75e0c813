// HTML of the site's pages: escaping, anchors as GitHub makes them, headings, and text for the search.
import { escapeHtml as escapeText } from '@doorsill/base/escape-html';

/** Text as HTML, also inside an attribute. */
export const escapeHtml = (text) => escapeText(String(text));
const UNESCAPES = Object.fromEntries(['&', '<', '>', '"', "'"].map((plain) => [escapeHtml(plain), plain]));

/** A sentence as HTML; what stands in backticks is code. */
export const proseHtml = (text) => escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');

/** A path or a topic as HTML that may break after each slash. */
export const breakable = (text) => escapeHtml(text).replaceAll('/', '/<wbr>');
export const pathCode = (text) => `<code>${breakable(text)}</code>`;

const plainText = (html) =>
  html
    .replaceAll(/<a class="anchor".*?<\/a>|<wbr>/g, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&(amp|lt|gt|quot|#39);/g, (escaped) => UNESCAPES[escaped])
    .replaceAll(/\s+/g, ' ')
    .trim();

/** Returns what makes the anchors of one page from the texts of its headings: no two are the same. */
export function anchorMaker() {
  const used = new Map();
  return (text) => {
    const slug = text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-');
    const before = used.get(slug) ?? 0;
    used.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  };
}

/** A heading with a link to itself. `inner` is HTML. */
export function heading(level, anchor, inner) {
  const link = `<a class="anchor" href="#${escapeHtml(anchor)}" aria-label="Link to this section">#</a>`;
  return `<h${level} id="${escapeHtml(anchor)}">${inner}${level > 1 ? link : ''}</h${level}>`;
}

/** A code block that scrolls alone; a long one is folded. `inner` is HTML. */
export function codeBlock(inner, { lines = 0 } = {}) {
  const block = `<pre tabindex="0"><code>${inner}</code></pre>`;
  return lines > 60 ? `<details class="fold"><summary>${lines} lines</summary>${block}</details>` : block;
}

/** A table that scrolls alone; on a phone each cell stands below its title. Titles are text, cells HTML; a row may be HTML as a whole. */
export function table(titles, rows) {
  const head = titles.map((title) => `<th>${escapeHtml(title)}</th>`).join('');
  const row = (cells) => cells.map((cell, at) => `<td data-title="${escapeHtml(titles[at])}">${cell}</td>`).join('');
  const body = rows.map((cells) => (Array.isArray(cells) ? `<tr>${row(cells)}</tr>` : cells)).join('\n');
  return `<div class="scroll" tabindex="0"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

const HEADING = /<h([1-4]) id="([^"]*)">(.*?)<\/h\1>/gs;

/** The headings of a page's content: level, anchor, text. */
export function headingsOf(content) {
  return [...content.matchAll(HEADING)].map(([, level, anchor, inner]) => ({
    level: Number(level),
    anchor,
    text: plainText(inner),
  }));
}

/** A row of a table that is found by itself: its first cell is its title. */
const ROW = /<tr id="([^"]*)">\s*<td[^>]*>(.*?)<\/td>(.*?)<\/tr>/gs;

/** What a page's content says under each heading, and in each row with an anchor, as plain text. */
export function sectionsOf(content) {
  const rows = [...content.matchAll(ROW)].map(([, anchor, title, text]) => ({ anchor, title, text }));
  const rest = content.replaceAll(ROW, '');
  const found = [...rest.matchAll(HEADING)];
  const parts = found.map((match, at) => ({
    anchor: match[2],
    title: match[3],
    text: rest.slice(match.index + match[0].length, found[at + 1]?.index),
  }));
  return [...parts, ...rows].map(({ anchor, title, text }) => ({
    anchor,
    title: plainText(title),
    text: plainText(text),
  }));
}
