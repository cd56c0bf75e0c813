// The page of pictures: each that `npm run screenshots` took of the console, and the report's.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { anchorMaker, escapeHtml, heading } from './html.mjs';
import { pictureHtml } from './markdown.mjs';

const ADDRESS = 'pictures.html';
const FOLDERS = [
  ['The console', 'device/console/pictures'],
  ['A report', 'sim/report/pictures'],
];
const SIZES = ['desktop', 'phone'];

/** `settings-motion-phone-light.png` shows the settings of motion. */
function wordsOf(name) {
  const [first = '', ...rest] = name.split('-');
  return `${first[0].toUpperCase()}${first.slice(1)}${rest.length > 0 ? `: ${rest.join(' ')}` : ''}`;
}

export function picturesPage(root, addresses) {
  const anchorOf = anchorMaker();
  const parts = [heading(1, anchorOf('Pictures'), 'Pictures')];
  for (const [title, folder] of FOLDERS) {
    const files = readdirSync(join(root, folder)).filter((name) => name.endsWith('-light.png'));
    const names = new Set(files.map((name) => name.replace(/-(desktop|phone)-light\.png$/, '')));
    parts.push(heading(2, anchorOf(title), title));
    for (const name of names) {
      if (names.size > 1) parts.push(heading(3, anchorOf(`${title} ${name}`), escapeHtml(wordsOf(name))));
      const shown = SIZES.filter((size) => files.includes(`${name}-${size}-light.png`));
      const figures = shown.map((size) => {
        const file = `${folder}/${name}-${size}-light.png`;
        return pictureHtml(addresses, ADDRESS, file, `${wordsOf(name)}, on a ${size}`);
      });
      parts.push(`<div class="pictures">${figures.join('')}</div>`);
    }
  }
  return { address: ADDRESS, title: 'Pictures', content: parts.join('\n') };
}
