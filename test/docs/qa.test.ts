// Holds docs/qa.md to a repository that takes nothing private: no token, no picture, no log.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { temporaryFolder } from '../support/command-line.ts';
import { readPage } from './support/page.ts';

const folder = temporaryFolder('page-gitignore');
afterAll(() => folder.dispose());

const lines = readPage('docs/qa.md').flatMap(({ deeds }) =>
  deeds.flatMap((deed) => ('type' in deed ? deed.type.map(({ line }) => line) : [])),
);

/** What a repository may take: times in footage of one's own. */
const PUBLIC = ['.gitignore', 'converted.truth.json'];

it('has git leave out every file that its commands write of what ran', () => {
  const written = lines.flatMap((line) =>
    [...line.matchAll(/(?:(?<![0-9&])> |--output |--data |--out )([\w./-]+)/g)].map(([, name = '']) => name),
  );
  const ignored = /^\$? ?printf '%s\\n' (.*) > \.gitignore$/.exec(
    lines.find((line) => line.includes('.gitignore')) ?? '',
  );
  writeFileSync(join(folder.path, '.gitignore'), (ignored?.[1] ?? '').replaceAll(' ', '\n'));
  const files = written.filter((name) => !PUBLIC.includes(name) && name !== 'doorsill');
  expect(files).toEqual(expect.arrayContaining(['testbed', 'up.log', 'now.jpg']));
  expect(files.some((name) => name.endsWith('viewer.json'))).toBe(true);
  for (const name of files) {
    const path = join(folder.path, /\.\w+$/.test(name) ? name : join(name, 'any'));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'private');
  }
  execFileSync('git', ['init', '--quiet'], { cwd: folder.path });
  const taken = execFileSync('git', ['ls-files', '--others', '--exclude-standard'], {
    cwd: folder.path,
    encoding: 'utf8',
  });
  expect(taken.trim().split('\n')).toEqual(['.gitignore']);
});

it('keeps a viewer’s token where its user alone can read it', () => {
  const [line = ''] = lines.filter((each) => each.includes('viewer add'));
  expect(line).toMatch(/--data testbed .*> testbed\/viewer\.json$/);
});
