// Turning a TypeScript file of the tests into a program that a child process can run (for tests that kill one).
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { packageOf } from './own-packages.ts';

const root = resolve(import.meta.dirname, '../..');

/**
 * Compiles `entry` (relative to the repository) and the tests' files that it imports into `folder`; what they import of our packages is what
 * was built of these. Resolves with the path of the JavaScript to run with node. Types are not checked here.
 */
export async function compileProgram(entry: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  const config = join(folder, 'tsconfig.json');
  await writeFile(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        noCheck: true,
        rootDir: root,
        outDir: join(folder, 'out'),
        typeRoots: [join(root, 'node_modules/@types')],
      },
      include: [],
      files: [join(root, entry)],
    }),
  );
  await promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', config]);
  const out = join(folder, 'out');
  const compiled = await readdir(join(out, 'test'), { recursive: true });
  await Promise.all(
    compiled.filter((name) => name.endsWith('.js')).map((name) => importBuilt(out, join(out, 'test', name))),
  );
  return join(out, entry.replace(/\.ts$/, '.js'));
}

/** Has a compiled file import what was built of a package where it names the package's source by its path: there is each module once. */
async function importBuilt(out: string, file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const changed = text.replaceAll(/(from |import\(?)(['"])(\.[^'"]*)\2/g, (whole, words, quote, to) => {
    const path = relative(out, resolve(dirname(file), to));
    const owner = packageOf(path);
    if (owner === undefined) return whole;
    return `${words}${quote}${pathToFileURL(join(root, owner, 'dist', relative(owner, path)))}${quote}`;
  });
  await writeFile(file, changed);
}
