// `npm run count [-- REVISION]`: files, lines and words of the repository, of the work tree or of a revision: code that ships by package, tests,
// proofs, and documents. Generated pages are counted apart. Signs of size, not goals.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './report.mjs';

const CODE = /\.(ts|tsx|mjs|css)$/;
/** Written by `npx vitest --update`, never by hand. */
const GENERATED = /(^|\/)ERRORS\.md$|^docs\/cli\.md$/;

/** The row that a path is counted in, by its longest prefix; what has none is tools of the repository. */
const ROOMS = [
  ['device/contract/', 'contract'],
  ['device/base/', 'base'],
  ['device/console-page/', 'console page'],
  ['device/', 'device'],
  ['cloud-bridge/', 'cloud-bridge'],
  ['sim/', 'sim'],
  ['test/proofs/', 'proofs'],
  ['test/', 'tests'],
];
const SHIPPED = ['contract', 'base', 'console page', 'device', 'cloud-bridge', 'sim'];

const git = (...args) => {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error(stderr.toString());
  return stdout;
};

const [revision] = process.argv.slice(2);
const listed = revision ? git('ls-tree', '-r', '-z', '--name-only', revision) : git('ls-files', '-z');
const read = (path) => (revision ? git('show', `${revision}:${path}`) : readFileSync(join(root, path))).toString();

const code = new Map();
const words = { written: 0, generated: 0 };
for (const path of listed.toString().split('\0')) {
  if (path.endsWith('.md')) {
    words[GENERATED.test(path) ? 'generated' : 'written'] += read(path).split(/\s+/).filter(Boolean).length;
  } else if (CODE.test(path)) {
    const [, name] = ROOMS.find(([prefix]) => path.startsWith(prefix)) ?? ['', 'other'];
    const row = code.get(name) ?? { files: 0, lines: 0 };
    row.files += 1;
    row.lines += read(path).split('\n').length - 1;
    code.set(name, row);
  }
}
const sum = (names) =>
  names.reduce(
    (all, name) => {
      const { files = 0, lines = 0 } = code.get(name) ?? {};
      return { files: all.files + files, lines: all.lines + lines };
    },
    { files: 0, lines: 0 },
  );
const print = (name, { files, lines }) =>
  console.log(`${name.padEnd(14)} ${String(files).padStart(5)} files ${String(lines).padStart(7)} lines`);
for (const name of SHIPPED) print(name, sum([name]));
print('shipped', sum(SHIPPED));
print('proofs', sum(['proofs']));
print('tests', sum(['tests']));
console.log(`documents      ${words.written} words by hand, ${words.generated} in generated pages`);
