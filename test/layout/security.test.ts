// Documents name proofs: each named file or folder of tests, story and verb must be there, every row of docs/claims.md and each invariant of
// SECURITY.md names one, and docs/etsi.md answers every provision of ETSI EN 303 645 V2.1.1 once. Whether a test holds its row takes a reader.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { makeProgram } from '../../device/cli/command-line.ts';
import { DOORSILL } from '../../sim/cli/main.ts';
import { type SourceFile, sources } from './source-tree.ts';

/** How many provisions each section of V2.1.1 has. */
const PROVISIONS: Record<string, number> = {
  '5.1': 5,
  '5.2': 3,
  '5.3': 16,
  '5.4': 4,
  '5.5': 8,
  '5.6': 9,
  '5.7': 2,
  '5.8': 3,
  '5.9': 3,
  '5.10': 1,
  '5.11': 4,
  '5.12': 3,
  '5.13': 1,
  '6': 5,
};

const security = readFileSync('SECURITY.md', 'utf8');
const etsi = readFileSync('docs/etsi.md', 'utf8');
const claims = readFileSync('docs/claims.md', 'utf8');
const promises = claims.slice(0, claims.indexOf('## What the faults show'));

/** The cells of each row of a table, but for its head. */
const rowsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.slice(2, -2).split(' | '));

/** Tests that a cell names, by their whole path; what follows a path without a folder, as `disk`, stands beside it. */
function testsIn(cell: string): string[] {
  const names = [...cell.matchAll(/`([a-z0-9/.-]+)`/g)].map(([, name = '']) => name);
  const paths: string[] = [];
  for (const name of names) {
    const [last] = paths.slice(-1);
    if (name.startsWith('test/')) paths.push(name);
    else if (last !== undefined && !name.includes('/')) paths.push(join(dirname(last), name));
  }
  return paths;
}

const isThere = (path: string) =>
  [path, `${path}.test.ts`, `${path}.slow.test.ts`, `${path}.alone.slow.test.ts`].some((at) => existsSync(at));

it('answers each provision of ETSI EN 303 645 once', () => {
  const answered = [...etsi.matchAll(/^\| (\d[\d., -]+?) \|/gm)].flatMap(([, cell = '']) => cell.split(', ')).sort();
  const all = Object.entries(PROVISIONS).flatMap(([section, count]) =>
    Array.from({ length: count }, (_, at) => `${section}-${at + 1}`),
  );
  expect(answered).toEqual(all.sort());
});

it('names in each promise tests that are there', () => {
  const rows = rowsOf(promises);
  expect(rows.length).toBeGreaterThan(70);
  expect(rows.filter((cells) => cells.length !== 3)).toEqual([]);
  expect(rows.filter(([, , proof = '']) => testsIn(proof).length === 0).map(([promise]) => promise)).toEqual([]);
  expect(rows.flatMap(([, , proof = '']) => testsIn(proof)).filter((path) => !isThere(path))).toEqual([]);
});

it('names in each invariant of SECURITY.md tests that are there', () => {
  const section = security.split('\n## Invariants\n')[1]?.split('\n## ')[0] ?? '';
  const invariants = section.split(/^\d+\. /m).slice(1);
  expect(invariants).toHaveLength(9);
  expect(invariants.filter((text) => testsIn(text).length === 0)).toEqual([]);
  expect(invariants.flatMap(testsIn).filter((path) => !isThere(path))).toEqual([]);
});

it('calls no provision of ETSI met that nothing shows', () => {
  const rows = rowsOf(etsi);
  expect(rows.filter((cells) => cells.length !== 4)).toEqual([]);
  const isShown = (by: string) =>
    testsIn(by).some(isThere) ||
    /^`(doorsill story|npm run check)|^\[SECURITY\]\(\.\.\/SECURITY\.md#how-to-report\)$/.test(by);
  const met = rows.filter(([, , answer = '']) => /^(Met|Part)\b/.test(answer));
  expect(met.length).toBeGreaterThan(50);
  expect(met.filter(([, , , by = '']) => !isShown(by)).map(([provision]) => provision)).toEqual([]);
  expect(rows.flatMap(([, , , by = '']) => testsIn(by)).filter((path) => !isThere(path))).toEqual([]);
});

it('names no test, story or verb that is not there', { timeout: 120_000 }, async () => {
  const text = [security, claims, etsi, readFileSync('README.md', 'utf8')].join('\n');
  const tests = [...text.matchAll(/`(test\/[a-z0-9/.-]+)`/g)].map(([, path = '']) => path);
  expect(tests.length).toBeGreaterThan(80);
  expect(tests.filter((path) => !isThere(path))).toEqual([]);
  const verbs = (await makeProgram(DOORSILL)).commands.map((command) => command.name());
  const named = [...text.matchAll(/`(?:npx )?doorsill ([a-z][a-z-]*)/g)].map(([, verb = '']) => verb);
  expect(named.filter((verb) => !verbs.includes(verb))).toEqual([]);
  const stories = [...text.matchAll(/doorsill story ([a-z-]+)/g)].map(([, story = '']) => story);
  const help = (await makeProgram(DOORSILL)).commands.find((command) => command.name() === 'story');
  const told: string[] = [];
  help?.configureOutput({ writeOut: (said) => void told.push(said) }).outputHelp();
  expect(stories.filter((story) => !told.join('').includes(`\n  ${story} `))).toEqual([]);
});

it('tells exactly which code the check of a clip shares with the cut', () => {
  const all = new Map(sources().map((file) => [file.name, file]));
  const reachedFrom = (name: string): Set<string> => {
    const reached = new Set<string>();
    const waiting: (SourceFile | undefined)[] = [all.get(name)];
    for (let file = waiting.pop(); file; file = waiting.pop()) {
      for (const to of file.imports) {
        if (!reached.has(to)) waiting.push(all.get(to));
        reached.add(to);
      }
    }
    return reached;
  };
  const [check, cut] = [reachedFrom('device/clip/self-check.ts'), reachedFrom('device/clip/trim.ts')];
  const here = [...check]
    .filter((name) => name.startsWith('device/clip/'))
    .map((name) => name.slice('device/clip/'.length));
  const note = readFileSync('device/clip/README.md', 'utf8').split('## What the check shares with the cut')[1] ?? '';
  const [own = '', shared = ''] = (note.split('\n## ')[0] ?? '').split('A fault in what both use');
  const named = (text: string) => [...text.matchAll(/`([a-z0-9-]+\.ts)`/g)].map(([, name = '']) => name).sort();
  expect(named(own).filter((name) => name !== 'self-check.ts')).toEqual(
    here.filter((name) => !cut.has(`device/clip/${name}`)).sort(),
  );
  expect(named(shared)).toEqual(here.filter((name) => cut.has(`device/clip/${name}`)).sort());
});

it('runs no install script of a package that it installs', () => {
  const files = ['sim/setup', 'test/tools'].flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const installs = files
    .filter((name) => name.endsWith('.mjs'))
    .flatMap((name) => {
      const text = readFileSync(name, 'utf8');
      return [...text.matchAll(/\['(?:ci|install)',[^\]]*'--no-audit'[^\]]*\]/g)].map(([words]) => `${name}: ${words}`);
    });
  expect(installs).toHaveLength(3);
  expect(installs.filter((words) => !words.includes("'--ignore-scripts'"))).toEqual([]);
});
