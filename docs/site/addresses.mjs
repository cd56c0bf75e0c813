// Which page is made of which Markdown file, which files are copied, and the addresses that lead from one to another. No links to a server's
// folder: the site is also read from a disk.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** The page that a reader sees first. */
const FIRST = 'README.md';
const FOLDERS = ['cloud-bridge', 'device', 'docs', 'sim', 'test'];
/** Described on a page that is made of it. */
const MADE_INTO = { 'device/contract/asyncapi.json': 'reference/mqtt.html' };
const COPIED = /\.(json|ya?ml|csv|png|jpg|svg)$|^docs\/ci\//;

/** The page that is made of a Markdown file. */
export function pageOf(source) {
  const path = source.replace(/\.md$/, '').toLowerCase();
  if (source === FIRST) return 'index.html';
  if (!source.includes('/')) return `${path}.html`;
  if (/^docs\/[^/]+$/.test(path)) return `${path.slice('docs/'.length)}.html`;
  return `notes/${path.replace(/\/readme$/, '')}.html`;
}

/** Every Markdown file of the repository. */
export function allDocuments(root) {
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path))
      .map((path) => posix.join(folder, path)),
  );
  return [...readdirSync(root), ...inFolders].filter((path) => path.endsWith('.md')).sort();
}

/** A link from one page to another, relative; `to` may have an anchor. */
export function relativeTo(from, to) {
  const path = posix.relative(posix.dirname(from), to.split('#')[0]);
  const anchor = to.includes('#') ? to.slice(to.indexOf('#')) : '';
  return `${path === '' && anchor === '' ? posix.basename(from) : path}${anchor}`;
}

/** Resolves links of Markdown files. */
export class Addresses {
  /** Files to copy, by their place in the site. */
  copied = new Map();
  #root;
  #documents;
  #sourceUrl;

  /** `sourceUrl`: address of the folder with the sources; null: they are not linked. */
  constructor(root, documents, sourceUrl) {
    this.#root = root;
    this.#documents = new Set(documents);
    this.#sourceUrl = sourceUrl;
  }

  /** What a link in `source` leads to from its page: `{ href }`, or `{ file }` where the file has no address. */
  resolve(source, page, link) {
    if (/^(https?:|mailto:|#)/.test(link)) return { href: link };
    const [path, anchor] = link.split('#');
    const target = posix.normalize(posix.join(posix.dirname(source), path)).replace(/\/$/, '');
    const at = anchor === undefined ? '' : `#${anchor}`;
    if (this.#documents.has(target)) return { href: relativeTo(page, `${pageOf(target)}${at}`) };
    if (MADE_INTO[target]) return { href: relativeTo(page, MADE_INTO[target]) };
    if (COPIED.test(target)) return { href: relativeTo(page, this.copy(target)) };
    if (this.#sourceUrl === null) return { file: target };
    return { href: `${this.#sourceUrl.replace(/\/$/, '')}/${target}` };
  }

  /** Has a file of the repository copied; returns its place in the site. */
  copy(file) {
    if (!existsSync(join(this.#root, file))) throw new Error(`${file} is linked and does not exist`);
    const place = `files/${file}`;
    this.copied.set(place, file);
    return place;
  }

  /** The picture in the other scheme, where there is one. */
  darkOf(file) {
    const dark = file.replace(/-light\.png$/, '-dark.png');
    return dark !== file && existsSync(join(this.#root, dark)) ? dark : null;
  }

  /** The size of a PNG picture in CSS pixels: pictures of phones have two for each. */
  sizeOf(file) {
    const bytes = readFileSync(join(this.#root, file));
    const scale = /-phone-/.test(file) ? 2 : 1;
    return { width: bytes.readUInt32BE(16) / scale, height: bytes.readUInt32BE(20) / scale };
  }
}
