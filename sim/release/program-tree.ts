// A command with everything that it needs, as it is unpacked and run: our packages of a source, and those of npm by the lock file's hashes.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseJson } from '@doorsill/contract/parse-json';
import type { ReleaseManifest } from '@doorsill/device/update/release-manifest';
import { z } from 'zod';
import { listPackages } from './list-packages.ts';
import type { ArchiveFile } from './pack-archive.ts';
import { NPM_QUIET, type OwnPackage, order, type ReleaseSource, run } from './release-source.ts';

export type Cpu = ReleaseManifest['arch'];

export interface WantedProgram {
  /** Our package with the command. It is unpacked into its own folder; our other packages go into node_modules. */
  command: string;
  arch: Cpu;
  /** The optional packages that are needed, too. */
  optional: readonly string[];
}

export interface ProgramTree {
  /** Sorted by path. */
  files: ArchiveFile[];
  /** The list of the packages inside: CycloneDX 1.5, as JSON. `subject`: the bytes that it is about. */
  listOf(subject: Uint8Array): string;
}

/**
 * Nobody reads these where the command runs, and a board's card writes each file slowly: declarations, maps, documents, what begins with a dot,
 * scripts of tests. Pages are documents but in our own packages. Licenses stay, whatever they are named.
 */
const NOT_RUN = /\.(d\.[cm]?ts|map|md|sh)$|(^|\/)\.[^/]+$|^(?!.*@doorsill\/).*\.html$/;
/** Paths of licenses, and of a few other files. */
export const LICENSES = /licen[cs]e|copying|notice/i;

/** Hands a command's files to `use`. The same commit and npm give the same bytes. Throws `release_unmade` when npm fails. */
export async function withProgramTree<T>(
  source: ReleaseSource,
  wanted: WantedProgram,
  use: (tree: ProgramTree) => Promise<T>,
): Promise<T> {
  const stage = await mkdtemp(join(tmpdir(), 'doorsill-programs-'));
  try {
    const own = ownPackages(source, wanted.command);
    const modules = await installPackages(source, stage, wanted, own);
    const all = [...own.flatMap((one) => filesOf(one, wanted.command)), ...(await neededFiles(modules))];
    const files = all.filter(({ path }) => !NOT_RUN.test(path) || LICENSES.test(path));
    return await use({
      files: files.sort((a, b) => order(a.path, b.path)),
      listOf: (subject) => listPackages(modules, [], source.madeS, subject),
    });
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** The package of the command, and our packages that it depends on. */
function ownPackages({ packages }: ReleaseSource, command: string): OwnPackage[] {
  const dependencies = new Map(packages.map(({ manifest }) => [manifest.name, manifest.dependencies ?? {}]));
  const needed = new Set([command]);
  for (const name of needed) for (const other of Object.keys(dependencies.get(name) ?? {})) needed.add(other);
  return packages.filter(({ manifest }) => needed.has(manifest.name));
}

function filesOf({ folder, manifest: { name }, files }: OwnPackage, command: string): ArchiveFile[] {
  const into = name === command ? folder : join('node_modules', name);
  return files.map(({ path, bytes }) => ({ path: join(into, path), bytes }));
}

/** Installs packages by the lock file's hashes; of the optional ones only those that are wanted. */
async function installPackages(
  { folder: source }: ReleaseSource,
  stage: string,
  { arch, optional }: WantedProgram,
  own: readonly OwnPackage[],
): Promise<string> {
  // npm names the subject of the package list after this folder.
  const modules = join(stage, 'doorsill');
  await mkdir(modules);
  const workspaces = own.map(({ folder }) => folder);
  for (const folder of workspaces) await mkdir(join(modules, folder), { recursive: true });
  for (const path of ['package-lock.json', ...['', ...workspaces].map((folder) => join(folder, 'package.json'))]) {
    const parsed = withoutUnused(parseJson(await readFile(join(source, path), 'utf8')), optional);
    // npm installs the workspaces that the root package names.
    const written = path === 'package.json' ? { ...parsed, workspaces } : parsed;
    await writeFile(join(modules, path), `${JSON.stringify(written, null, 2)}\n`);
  }
  run('npm', ['ci', '--omit=dev', '--os=linux', `--cpu=${arch}`, '--libc=glibc', ...NPM_QUIET], modules);
  return modules;
}

const ownSchema = z.looseObject({
  dependencies: z.record(z.string(), z.string()).optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
  devDependencies: z.unknown().optional(),
});
const lockSchema = z.looseObject({ packages: z.record(z.string(), ownSchema).optional() });

/**
 * A package.json or a lock file without our packages' development dependencies, and without the optional ones that are not wanted. A wanted one
 * becomes a dependency: npm leaves out an optional one that the Node of this machine is too old for.
 */
function withoutUnused(file: unknown, optional: readonly string[]): object {
  const { dependencies, optionalDependencies = {}, devDependencies: _, ...rest } = ownSchema.parse(file);
  const wanted = Object.entries(optionalDependencies).filter(([name]) => optional.includes(name));
  const needed = { ...dependencies, ...Object.fromEntries(wanted) };
  const kept = { ...rest, ...(Object.keys(needed).length > 0 ? { dependencies: needed } : {}) };
  const { packages } = lockSchema.parse(kept);
  if (!packages) return kept;
  const entries = Object.entries(packages).map(([path, entry]) => [
    path,
    path.startsWith('node_modules/') ? entry : withoutUnused(entry, optional),
  ]);
  return { ...kept, packages: Object.fromEntries(entries) };
}

/** The files of installed packages, without links to programs, which nothing starts, and without npm's record of the installation. */
async function neededFiles(modules: string): Promise<ArchiveFile[]> {
  const folder = join(modules, 'node_modules');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name !== '.package-lock.json');
  return Promise.all(
    files.map(async ({ parentPath, name }) => {
      const full = join(parentPath, name);
      return { path: relative(modules, full), bytes: await readFile(full) };
    }),
  );
}
