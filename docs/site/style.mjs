// The site's style sheets. Colours and type are the console's: its dark colours get a file of their own, which the switch turns on and off.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOUNDATION = 'device/console-page/kit/style/foundation.css';
const DARK = /@media \(prefers-color-scheme: dark\) \{\n([\s\S]*?)\n\}\n/;

/** Style sheets by their place in the site. */
export function styleSheets(root) {
  const foundation = readFileSync(join(root, FOUNDATION), 'utf8');
  const dark = DARK.exec(foundation)?.[1];
  if (dark === undefined) throw new Error(`${FOUNDATION} has no dark colours`);
  const own = readFileSync(join(root, 'docs/site/page/site.css'), 'utf8');
  return new Map([
    [
      'page/site.css',
      `${foundation.replace(DARK, '').replace('color-scheme: light dark', 'color-scheme: light')}\n${own}`,
    ],
    ['page/dark.css', `${dark.replace('{', '{\n    color-scheme: dark;')}\n`],
  ]);
}
