// Running a program of the tests from its TypeScript source, by `node --import`: what it imports of our packages is what was built of them,
// also where it names a source by its path.
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { COMPILED } from '../../sim/setup/freshness.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Where the build of a package's source lies; null for what is no package's. */
function builtOf(file) {
  const path = relative(root, file);
  const folder = COMPILED.find((name) => path.startsWith(`${name}/`));
  if (folder === undefined || !path.endsWith('.ts')) return null;
  return join(root, folder, 'dist', relative(folder, path).replace(/\.ts$/, '.js'));
}

export async function resolve(specifier, context, next) {
  if (!specifier.startsWith('.') || !context.parentURL?.startsWith('file:')) return next(specifier, context);
  const file = fileURLToPath(new URL(specifier, context.parentURL));
  const built = builtOf(file);
  return built === null ? next(specifier, context) : { url: pathToFileURL(built).href, shortCircuit: true };
}

let transform;
export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  transform ??= (await import('vite')).transformWithOxc;
  const file = fileURLToPath(url);
  const { code } = await transform(readFileSync(file, 'utf8'), file, { sourcemap: false });
  return { format: 'module', source: code, shortCircuit: true };
}

// Loaded by `--import` in the program's thread, and by Node once more in that of the hooks.
if (process.execArgv.some((word) => word.includes('run-typescript'))) register(import.meta.url);
