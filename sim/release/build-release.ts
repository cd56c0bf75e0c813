// Builds a release from a commit and the lock file, in a temporary folder, and the list of its packages (CycloneDX). The archive is ustar
// (POSIX.1-1988), then gzip (RFC 1952) without a time, so that equal files give equal bytes.

import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { sha256Hex } from '@doorsill/base/keys';
import { parseJson } from '@doorsill/contract/parse-json';
import { DEVICE_FORMAT } from '@doorsill/device/folder-format';
import { MANIFEST_NAME, ReleaseManifest } from '@doorsill/device/update/release-manifest';
import { z } from 'zod';
import { failure } from '../errors.ts';

/** A file by its path in the archive: relative, with slashes. */
export interface ArchiveFile {
  path: string;
  bytes: Uint8Array;
}

const BLOCK = 512;
const NAME_MAX = 100;
const PREFIX_MAX = 155;

/**
 * The archive of `files` in order: plain files of mode 0644, user and group 0, modified at `timeS` seconds. Throws `release_unmade` for a path
 * that does not fit the format.
 */
export function packArchive(files: readonly ArchiveFile[], timeS: number): Uint8Array {
  const parts = files.flatMap(({ path, bytes }) => [
    header(path, bytes.length, timeS),
    bytes,
    new Uint8Array((BLOCK - (bytes.length % BLOCK)) % BLOCK),
  ]);
  const tar = Buffer.concat([...parts, new Uint8Array(2 * BLOCK)]);
  const gzip = gzipSync(tar, { level: constants.Z_BEST_COMPRESSION });
  // The operating system of the compressor: 255, unknown (RFC 1952 §2.3.1).
  gzip[9] = 0xff;
  return gzip;
}

function header(path: string, size: number, timeS: number): Uint8Array {
  const { prefix, name } = split(path);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  block.write(name, 0, 'utf8');
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(timeS, 136, 12);
  block.write('        0', 148, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(prefix, 345, 'utf8');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function split(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= NAME_MAX) return { prefix: '', name: path };
  for (let cut = path.indexOf('/'); cut > 0; cut = path.indexOf('/', cut + 1)) {
    const [prefix, name] = [path.slice(0, cut), path.slice(cut + 1)];
    if (Buffer.byteLength(name) <= NAME_MAX && Buffer.byteLength(prefix) <= PREFIX_MAX) return { prefix, name };
  }
  throw failure('release_unmade', { detail: `the path ${path} is too long for an archive` });
}

export type Cpu = ReleaseManifest['arch'];

export interface Release {
  manifest: ReleaseManifest;
  archive: Uint8Array;
  /** CycloneDX 1.5, as JSON. */
  packages: string;
}

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const NPM_QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];

const packageSchema = z.looseObject({
  version: z.string(),
  engines: z.looseObject({ node: z.string().regex(/^>=\d+\.\d+(\.\d+)?$/) }),
});
const nameSchema = z.looseObject({ name: z.string() });
const packedSchema = nameSchema.extend({ files: z.array(z.looseObject({ path: z.string() })) });
/** Up to npm 10 a list, since then an object by package. */
const packSchema = z.union([z.array(packedSchema), z.record(z.string(), packedSchema)]);
const workspacesSchema = z.looseObject({ workspaces: z.array(z.string()) });
const needsSchema = nameSchema.extend({ dependencies: z.record(z.string(), z.string()).optional() });
const npmListSchema = z.looseObject({
  metadata: z.looseObject({}),
  components: z.array(z.looseObject({ 'bom-ref': z.string() })),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()).optional() })),
});

/**
 * Builds the release of the checkout's last commit for a processor. The same commit, Node and npm give the same bytes. Throws
 * `release_unmade` when git, npm or the build fail, or when the checkout has uncommitted changes.
 */
export async function buildRelease(root: string, arch: Cpu): Promise<Release> {
  if (run('git', ['-C', root, 'status', '--porcelain'], root) !== '') {
    throw failure('release_unmade', { detail: 'the checkout has changes that are not committed.' });
  }
  const [commit = '', madeS = ''] = run('git', ['-C', root, 'log', '-1', '--format=%H %ct'], root).trim().split(' ');
  const stage = await mkdtemp(join(tmpdir(), 'doorsill-release-'));
  try {
    const source = await buildSource(root, stage, madeS);
    const own = await ownPackages(source);
    const modules = await installPackages(source, stage, arch, own);
    const { version, engines } = packageSchema.parse(parseJson(await readFile(join(source, 'package.json'), 'utf8')));
    const manifest = ReleaseManifest.parse({
      kind: 'doorsill-release',
      version,
      platform: 'linux',
      arch,
      node: `${engines.node.slice(2)}.0`.split('.').slice(0, 3).join('.'),
      format: DEVICE_FORMAT,
      commit,
      madeS: Number(madeS),
    });
    const manifestFile: ArchiveFile = {
      path: MANIFEST_NAME,
      bytes: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`),
    };
    const files = [...(await packedFiles(source, own)), ...(await neededFiles(modules))];
    const archive = packArchive([manifestFile, ...files.sort(byPath)], manifest.madeS);
    return { manifest, archive, packages: listPackages(modules, manifest, archive) };
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** Builds the commit's files; the checkout's folder may contain other files. */
async function buildSource(root: string, stage: string, madeS: string): Promise<string> {
  const source = join(stage, 'source');
  const tar = join(stage, 'source.tar');
  await mkdir(source);
  run('git', ['-C', root, 'archive', '--format=tar', `--output=${tar}`, 'HEAD'], stage);
  run('tar', ['-xf', tar, '-C', source], stage);
  run('npm', ['ci', ...NPM_QUIET], source);
  run('npm', ['run', 'build'], source, { SOURCE_DATE_EPOCH: madeS });
  return source;
}

/** The package of a board's command, which is unpacked into its own folder; our other packages go into node_modules. */
const COMMAND = '@doorsill/device';

interface OwnPackage {
  name: string;
  /** Its folder in the source. */
  folder: string;
}

/** The package of a board's command, and our packages that it depends on. */
async function ownPackages(source: string): Promise<OwnPackage[]> {
  const manifestOf = async (folder: string) => parseJson(await readFile(join(source, folder, 'package.json'), 'utf8'));
  const { workspaces } = workspacesSchema.parse(await manifestOf(''));
  const all = await Promise.all(
    workspaces.map(async (folder) => ({ folder, ...needsSchema.parse(await manifestOf(folder)) })),
  );
  const needed = new Set([COMMAND]);
  for (const name of needed)
    for (const other of Object.keys(all.find((each) => each.name === name)?.dependencies ?? {})) needed.add(other);
  return all.filter(({ name }) => needed.has(name));
}

/**
 * Installs a doorbell's packages by the lock file's hashes, without the two optional ones: a doorbell needs no database driver, and uses the
 * system's ffmpeg, which the system updates.
 */
async function installPackages(source: string, stage: string, arch: Cpu, own: readonly OwnPackage[]): Promise<string> {
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

/** The files of our own packages. */
async function packedFiles(source: string, own: readonly OwnPackage[]): Promise<ArchiveFile[]> {
  const listing = parseJson(run('npm', ['pack', '--workspaces', '--dry-run', '--json', '--ignore-scripts'], source));
  const packed = Object.values(packSchema.parse(listing));
  const files = await Promise.all(
    own.map(async ({ name, folder }) => {
      const into = name === COMMAND ? folder : join('node_modules', name);
      const paths = packed.find((each) => each.name === name)?.files.map(({ path }) => path) ?? [];
      return Promise.all(
        paths.map(async (path) => ({ path: join(into, path), bytes: await readFile(join(source, folder, path)) })),
      );
    }),
  );
  return [{ path: 'LICENSE', bytes: await readFile(join(source, 'LICENSE')) }, ...files.flat()];
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

/** npm's package list, sorted, with the commit's time and an id derived from the archive. */
function listPackages(modules: string, { madeS }: ReleaseManifest, archive: Uint8Array): string {
  const bill = parseJson(run('npm', ['sbom', '--sbom-format=cyclonedx', '--omit=dev'], modules));
  const { metadata, components, dependencies, ...rest } = npmListSchema.parse(bill);
  const list = {
    ...rest,
    serialNumber: `urn:uuid:${uuidOf(sha256Hex(archive))}`,
    metadata: { ...metadata, timestamp: new Date(madeS * 1_000).toISOString() },
    components: components.sort((a, b) => order(a['bom-ref'], b['bom-ref'])),
    dependencies: dependencies
      .map(({ dependsOn, ...entry }) => ({ ...entry, ...(dependsOn ? { dependsOn: dependsOn.sort(order) } : {}) }))
      .sort((a, b) => order(a.ref, b.ref)),
  };
  return `${JSON.stringify(list, null, 2)}\n`;
}

/** A UUID of version 8, with custom bits (RFC 9562 §5.8). */
function uuidOf(hex: string): string {
  const bits = `${hex.slice(0, 12)}8${hex.slice(13, 16)}8${hex.slice(17, 32)}`;
  return bits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function byPath(a: ArchiveFile, b: ArchiveFile): number {
  return order(a.path, b.path);
}

/** Independent of the machine's locale. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Runs a program; returns its output. Throws `release_unmade` when it fails. */
function run(command: string, args: readonly string[], folder: string, environment: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
    env: { ...process.env, ...environment },
  });
  if (status === 0) return stdout;
  const output = error?.message ?? `${stderr}${stdout}`.trim().split('\n').slice(-3).join(' ');
  throw failure('release_unmade', { detail: `${command} ${args[0] ?? ''}: ${output}` });
}
