// The archive of a doorbell's programs for boards with one kind of processor: what `device update` takes.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseJson } from '@doorsill/contract/parse-json';
import { DEVICE_FORMAT } from '@doorsill/device/folder-format';
import { MANIFEST_NAME, ReleaseManifest } from '@doorsill/device/update/release-manifest';
import { z } from 'zod';
import { listPackages } from './list-packages.ts';
import { type ArchiveFile, packArchive } from './pack-archive.ts';
import { NPM_QUIET, type OwnPackage, order, type ReleaseSource, run } from './release-source.ts';

export type Cpu = ReleaseManifest['arch'];

export interface BoardArchive {
  manifest: ReleaseManifest;
  /** What is inside. */
  files: ArchiveFile[];
  archive: Uint8Array;
  /** CycloneDX 1.5, as JSON. */
  packages: string;
}

/**
 * Nothing reads these on a board, whose card writes each file slowly: declarations, maps, documents, what begins with a dot, scripts of tests.
 * Pages are documents but in our own packages. Licenses stay, whatever they are named.
 */
const NOT_RUN = /\.(d\.[cm]?ts|map|md|sh)$|(^|\/)\.[^/]+$|^(?!.*@doorsill\/).*\.html$/;
/** Paths of licenses, and of a few other files. */
export const LICENSES = /licen[cs]e|copying|notice/i;

/** The archive of a source for a processor. The same commit, Node and npm give the same bytes. Throws `release_unmade` when npm fails. */
export async function boardArchive(source: ReleaseSource, arch: Cpu): Promise<BoardArchive> {
  const stage = await mkdtemp(join(tmpdir(), 'doorsill-board-'));
  try {
    const own = ownPackages(source);
    const modules = await installPackages(source, stage, arch, own);
    const manifest = ReleaseManifest.parse({
      kind: 'doorsill-release',
      version: source.version,
      platform: 'linux',
      arch,
      node: source.node,
      format: DEVICE_FORMAT,
      commit: source.commit,
      madeS: source.madeS,
    });
    const manifestFile = { path: MANIFEST_NAME, bytes: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) };
    const all = [...own.flatMap(filesOf), ...(await neededFiles(modules))];
    const needed = all.filter(({ path }) => !NOT_RUN.test(path) || LICENSES.test(path));
    const files = [manifestFile, ...needed.sort((a, b) => order(a.path, b.path))];
    const archive = packArchive(files, manifest.madeS);
    return { manifest, files, archive, packages: listPackages(modules, [], manifest.madeS, archive) };
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** The package of a board's command, which is unpacked into its own folder; our other packages go into node_modules. */
const COMMAND = '@doorsill/device';

/** The package of a board's command, and our packages that it depends on. */
function ownPackages({ packages }: ReleaseSource): OwnPackage[] {
  const dependencies = new Map(packages.map(({ manifest }) => [manifest.name, manifest.dependencies ?? {}]));
  const needed = new Set([COMMAND]);
  for (const name of needed) for (const other of Object.keys(dependencies.get(name) ?? {})) needed.add(other);
  return packages.filter(({ manifest }) => needed.has(manifest.name));
}

function filesOf({ folder, manifest: { name }, files }: OwnPackage): ArchiveFile[] {
  const into = name === COMMAND ? folder : join('node_modules', name);
  return files.map(({ path, bytes }) => ({ path: join(into, path), bytes }));
}

/**
 * Installs a doorbell's packages by the lock file's hashes, without the two optional ones: a doorbell needs no database driver, and uses the
 * system's ffmpeg, which the system updates.
 */
async function installPackages(
  { folder: source }: ReleaseSource,
  stage: string,
  arch: Cpu,
  own: readonly OwnPackage[],
): Promise<string> {
  // npm names the subject of the package list after this folder.
  const modules = join(stage, 'doorsill');
  await mkdir(modules);
  const workspaces = own.map(({ folder }) => folder);
  for (const folder of workspaces) await mkdir(join(modules, folder), { recursive: true });
  for (const path of ['package-lock.json', ...['', ...workspaces].map((folder) => join(folder, 'package.json'))]) {
    const parsed = withoutUnused(parseJson(await readFile(join(source, path), 'utf8')));
    // npm installs the workspaces that the root package names.
    const written = path === 'package.json' ? { ...parsed, workspaces } : parsed;
    await writeFile(join(modules, path), `${JSON.stringify(written, null, 2)}\n`);
  }
  run('npm', ['ci', '--omit=dev', '--os=linux', `--cpu=${arch}`, '--libc=glibc', ...NPM_QUIET], modules);
  return modules;
}

const ownSchema = z.looseObject({
  optionalDependencies: z.unknown().optional(),
  devDependencies: z.unknown().optional(),
});
const lockSchema = z.looseObject({ packages: z.record(z.string(), ownSchema).optional() });

/** A package.json or a lock file without optional and development dependencies of our packages. */
function withoutUnused(file: unknown): object {
  const { optionalDependencies: _, devDependencies: __, ...rest } = ownSchema.parse(file);
  const { packages } = lockSchema.parse(rest);
  if (!packages) return rest;
  const kept = Object.entries(packages).map(([path, entry]) => [
    path,
    path.startsWith('node_modules/') ? entry : withoutUnused(entry),
  ]);
  return { ...rest, packages: Object.fromEntries(kept) };
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
