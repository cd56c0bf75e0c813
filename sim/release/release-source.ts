// What a release is made of: a built checkout, and the files that each of our packages brings.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';
import { failure } from '../errors.ts';
import type { ArchiveFile } from './pack-archive.ts';

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
/** npm without scripts of packages, and without questions that an install doesn't need. */
export const NPM_QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];

const OLDEST_NODE = /^>=\d+\.\d+(\.\d+)?$/;
const namesSchema = z.record(z.string(), z.string()).optional();
/** The package.json of one of our packages. */
export const OwnManifest = z.looseObject({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  license: z.string(),
  engines: z.looseObject({ node: z.string().regex(OLDEST_NODE) }),
  exports: z.record(
    z.string(),
    z.union([z.string(), z.looseObject({ source: z.string(), types: z.string().optional() })]),
  ),
  bin: namesSchema,
  dependencies: namesSchema,
  optionalDependencies: namesSchema,
});
const rootSchema = z.looseObject({
  version: z.string(),
  engines: z.looseObject({ node: z.string().regex(OLDEST_NODE) }),
  workspaces: z.array(z.string()),
});
const packedSchema = z.looseObject({ name: z.string(), files: z.array(z.looseObject({ path: z.string() })) });
/** Up to npm 10 a list, since then an object by package. */
const packSchema = z.union([z.array(packedSchema), z.record(z.string(), packedSchema)]);

export type OwnManifest = z.infer<typeof OwnManifest>;

/** One of our packages. */
export interface OwnPackage {
  /** Its folder in the checkout. */
  folder: string;
  manifest: OwnManifest;
  /** What npm packs, by paths in the package. */
  files: ArchiveFile[];
}

/** A checkout that is built. */
export interface ReleaseSource {
  folder: string;
  /** Of all packages. */
  version: string;
  /** The oldest Node that they run on, such as `20.19.0`. */
  node: string;
  commit: string;
  /** Time of the commit, in seconds. */
  madeS: number;
  /** Who made the commit: a name, with an address in angle brackets. */
  author: string;
  packages: OwnPackage[];
}

/**
 * Builds the checkout's last commit in a temporary folder, with packages by the hashes of the lock file, and hands it to `use`. Throws
 * `release_unmade` when git, npm or the build fail, or when the checkout has uncommitted changes.
 */
export async function withBuiltCommit<T>(root: string, use: (source: ReleaseSource) => Promise<T>): Promise<T> {
  if (run('git', ['-C', root, 'status', '--porcelain'], root) !== '') {
    throw failure('release_unmade', { detail: 'the checkout has changes that are not committed.' });
  }
  const stage = await mkdtemp(join(tmpdir(), 'doorsill-release-'));
  try {
    const last = lastCommit(root);
    const folder = join(stage, 'source');
    const tar = join(stage, 'source.tar');
    await mkdir(folder);
    run('git', ['-C', root, 'archive', '--format=tar', `--output=${tar}`, 'HEAD'], stage);
    run('tar', ['-xf', tar, '-C', folder], stage);
    run('npm', ['ci', ...NPM_QUIET], folder);
    run('npm', ['run', 'build'], folder, { SOURCE_DATE_EPOCH: String(last.madeS) });
    return await use(await readSource(folder, last));
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** The text of a file as the checkout's last commit has it. Throws `release_unmade`. */
export function fileOfCommit(root: string, path: string): string {
  return run('git', ['-C', root, 'show', `HEAD:${path}`], root);
}

/** The checkout as it lies there, built. Throws `release_unmade`. */
export async function builtCheckout(root: string): Promise<ReleaseSource> {
  return await readSource(root, lastCommit(root));
}

type Commit = Pick<ReleaseSource, 'commit' | 'madeS' | 'author'>;

function lastCommit(root: string): Commit {
  const shown = run('git', ['-C', root, 'log', '-1', '--format=%H%n%ct%n%an <%ae>'], root).trim();
  const [commit = '', madeS = '', author = ''] = shown.split('\n');
  return { commit, madeS: Number(madeS), author };
}

async function readSource(folder: string, last: Commit): Promise<ReleaseSource> {
  const read = async (...path: string[]) => parseJson(await readFile(join(folder, ...path, 'package.json'), 'utf8'));
  const { version, engines, workspaces } = rootSchema.parse(await read());
  const listing = run('npm', ['pack', '--workspaces', '--dry-run', '--json', '--ignore-scripts'], folder);
  const packed = Object.values(packSchema.parse(parseJson(listing)));
  const license: ArchiveFile = { path: 'LICENSE', bytes: await readFile(join(folder, 'LICENSE')) };
  const packages = await Promise.all(
    workspaces.map(async (place): Promise<OwnPackage> => {
      const manifest = OwnManifest.parse(await read(place));
      const paths = packed.find(({ name }) => name === manifest.name)?.files ?? [];
      const files = await Promise.all(
        paths.map(async ({ path }) => ({ path, bytes: await readFile(join(folder, place, path)) })),
      );
      return { folder: place, manifest, files: [license, ...files.filter(({ path }) => path !== 'LICENSE')] };
    }),
  );
  checkVersions(version, packages);
  const node = `${engines.node.slice(2)}.0`.split('.').slice(0, 3).join('.');
  return { folder, version, node, ...last, packages };
}

/** Every package has the release's version, and depends on exactly that of ours. */
function checkVersions(version: string, packages: readonly OwnPackage[]): void {
  const ours = new Set(packages.map(({ manifest }) => manifest.name));
  for (const { manifest } of packages) {
    const needed = Object.entries(manifest.dependencies ?? {}).filter(([name]) => ours.has(name));
    for (const [name, other] of [[manifest.name, manifest.version] as const, ...needed]) {
      if (other === version) continue;
      throw failure('release_unmade', {
        detail: `${manifest.name} names ${name} ${other}, and the release is ${version}.`,
      });
    }
  }
}

/** Runs a program; returns its output. Throws `release_unmade` when it fails. */
export function run(
  command: string,
  args: readonly string[],
  folder: string,
  environment: NodeJS.ProcessEnv = {},
): string {
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

/** Writes files below a folder; everybody may read them, whatever the umask, and run those that begin as programs do. */
export async function writeFiles(folder: string, files: readonly ArchiveFile[]): Promise<void> {
  for (const { path, bytes } of files) {
    const full = join(folder, path);
    await mkdir(dirname(full), { recursive: true });
    const isProgram = Buffer.from(bytes.subarray(0, 2)).toString('latin1') === '#!';
    await writeFile(full, bytes, { mode: isProgram ? 0o755 : 0o644 });
  }
  run('chmod', ['-R', 'u=rwX,go=rX', folder], folder);
}

/** Independent of the machine's locale. */
export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
