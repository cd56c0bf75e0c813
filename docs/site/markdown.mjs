// The renderer of Markdown: anchors as GitHub's, links that lead to pages, pictures in both schemes, tables and code that scroll alone.
import { posix } from 'node:path';
import MarkdownIt from 'markdown-it';
import { relativeTo } from './addresses.mjs';
import { anchorMaker, codeBlock, escapeHtml, heading } from './html.mjs';

/** A picture of the repository, with its dark counterpart where there is one. */
export function pictureHtml(addresses, page, file, words) {
  const { width, height } = addresses.sizeOf(file);
  const dark = addresses.darkOf(file);
  const from = (name) => escapeHtml(relativeTo(page, addresses.copy(name)));
  const source = dark
    ? `<source data-dark media="(prefers-color-scheme: dark)" srcset="${from(dark)}" width="${width}" height="${height}">`
    : '';
  const size = `width="${width}" height="${height}" loading="lazy"`;
  return `<picture>${source}<img src="${from(file)}" alt="${escapeHtml(words)}" ${size}></picture>`;
}

/** Lines after a prompt stand out. */
function consoleHtml(text) {
  return escapeHtml(text).replaceAll(
    /^(\$ )(.*?)( {2,}# .*)?$/gm,
    (_line, prompt, command, remark = '') =>
      `<span class="prompt">${prompt}</span><b>${command}</b><span class="comment">${remark}</span>`,
  );
}

/** A renderer whose environment is `{ source, address }`: the Markdown file, and the page that is made of it. */
export function makeMarkdown(addresses) {
  const markdown = new MarkdownIt({ html: false });
  const { rules } = markdown.renderer;
  markdown.core.ruler.push('anchors', ({ tokens }) => {
    const anchorOf = anchorMaker();
    tokens.forEach((token, at) => {
      if (token.type !== 'heading_open') return;
      const text = tokens[at + 1].children.map(({ content }) => content).join('');
      token.meta = anchorOf(text);
    });
  });
  rules.heading_open = (tokens, at) => heading(Number(tokens[at].tag[1]), tokens[at].meta, '\0').split('\0')[0];
  rules.heading_close = (tokens, at) => {
    const { meta } = tokens[at - 2];
    return `${heading(Number(tokens[at].tag[1]), meta, '\0').split('\0')[1]}\n`;
  };
  rules.fence = (tokens, at) => {
    const { content, info } = tokens[at];
    return codeBlock(info === 'console' ? consoleHtml(content) : escapeHtml(content));
  };
  rules.table_open = () => '<div class="scroll" tabindex="0"><table>';
  rules.table_close = () => '</table></div>';
  rules.image = (tokens, at, _options, { source, address }) => {
    const file = posix.normalize(posix.join(posix.dirname(source), tokens[at].attrGet('src')));
    return pictureHtml(addresses, address, file, tokens[at].content);
  };
  addTitles(markdown);
  addLinks(markdown, addresses);
  return markdown;
}

/** Each cell names its column, for phones. A row of a table of codes has its code as anchor. */
function addTitles(markdown) {
  markdown.core.ruler.push('titles', ({ tokens }) => {
    let titles = [];
    let row = { token: null, cells: 0 };
    tokens.forEach((token, at) => {
      if (token.type === 'thead_open') titles = [];
      else if (token.type === 'th_open') titles.push(tokens[at + 1].content);
      else if (token.type === 'tr_open') row = { token, cells: 0 };
      else if (token.type === 'td_open') {
        if (row.cells === 0 && titles[0] === 'Code') row.token.attrSet('id', tokens[at + 1].children[0].content);
        token.attrSet('data-title', titles[row.cells++] ?? '');
      }
    });
  });
}

/** A link to a file without an address becomes code, which names the file when it is pointed at. */
function addLinks(markdown, addresses) {
  markdown.core.ruler.push('links', ({ tokens, env }) => {
    for (const { children } of tokens) {
      const open = [];
      for (const token of children ?? []) {
        if (token.type === 'link_open') {
          const { href, file } = addresses.resolve(env.source, env.address, token.attrGet('href'));
          if (href !== undefined) token.attrSet('href', href);
          else {
            token.tag = 'span';
            token.attrs = [
              ['class', 'source'],
              ['title', file],
            ];
          }
          open.push(token);
        } else if (token.type === 'link_close') token.tag = open.pop().tag;
      }
    }
  });
}
