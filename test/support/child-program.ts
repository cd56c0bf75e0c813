// Owns: turning a TypeScript file of the project into a program that a child process can run (for tests that kill one).
// Not here: running and killing it (each test does that itself).
import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const root = resolve(import.meta.dirname, '../..');

/**
 * Compiles `entry` (relative to the repository) and what it imports into `folder`; resolves with the path of the
 * JavaScript to run with node. Types are not checked here.
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
  return join(folder, 'out', entry.replace(/\.ts$/, '.js'));
}
