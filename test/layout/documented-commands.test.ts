// Holds: no document and no printed word has anybody fetch a package that is called `doorsill`: nobody has published one, so anybody could.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFiles, root } from './source-tree.ts';

/** Documents that say where their commands are run, and where npx finds the program there (sim/setup/checkout.test.ts, packed.test.ts). */
const PLACES: Record<string, RegExp> = {
  'README.md': /Run `npx doorsill` in this folder only/,
  'CONTRIBUTING.md': /npm run dev/,
  'docs/developer.md': /In a checkout, write\n`npx doorsill` for `doorsill`/,
  'docs/qa.md': /npm install --save-dev .*\n[\s\S]*Run all further\scommands in that folder/,
  'docs/ci/github-workflow.yml': /npm ci/,
};
/** Texts that are shown where npx finds the program, as they find out first. */
const MADE = [
  'device/console/command-line.ts',
  'device/console-page/kit/owner-command.ts',
  'device/terminal/shell-words.ts',
];

const texts = projectFiles()
  .filter((path) => /\.(md|yml|yaml|mjs|ts|tsx)$/.test(path) && !path.startsWith('test/'))
  .map((path) => [path, readFileSync(join(root, path), 'utf8')] as const);

describe('no text has anybody fetch a package called doorsill', () => {
  it('by npx, but where the program is a package of the folder', () => {
    const naming = texts.filter(([, text]) => /\bnpx\b[^\n`]*\bdoorsill\b/.test(text)).map(([path]) => path);
    expect(naming.toSorted()).toEqual([...Object.keys(PLACES), ...MADE].toSorted());
    for (const [path, text] of texts) if (PLACES[path]) expect(text, path).toMatch(PLACES[path]);
  });

  it('as root', () => {
    expect(texts.filter(([, text]) => /sudo( -\S+)* npx/.test(text)).map(([path]) => path)).toEqual([]);
  });

  it('by installing or running that name', () => {
    const fetching =
      /npm (i|install|exec|x|create|init)\b[^\n`]*\s(?!\.{0,2}\/)doorsill(@|\s|`|$)|(pnpm|yarn) (dlx|add) doorsill/;
    expect(texts.filter(([, text]) => fetching.test(text)).map(([path]) => path)).toEqual([]);
  });
});
