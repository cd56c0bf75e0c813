// The images of containers: what they are built from, and the images themselves, built by buildah.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageName } from '../deploy/compose-image.ts';
import { failure } from '../errors.ts';
import { type ArchiveFile, packArchive } from './pack-archive.ts';
import { type Cpu, withProgramTree } from './program-tree.ts';
import { type ReleaseSource, run, writeFiles } from './release-source.ts';

const TARGETS = ['testbed', 'bridge'] as const;

export interface ContainerSources {
  /** The Dockerfile, and in the folder `doorsill` everything that it copies. */
  files: ArchiveFile[];
  archive: Uint8Array;
  /** The packages inside, CycloneDX 1.5, as JSON. Those of Debian are listed in the image, by dpkg. */
  packages: string;
}

interface ContainerImage {
  file: string;
  /** For `docker load` and `podman load`. */
  bytes: Uint8Array;
}

/** What the images for a processor are built from. The same commit, Node and npm give the same bytes. Throws `release_unmade` when npm fails. */
export async function containerSources(source: ReleaseSource, arch: Cpu): Promise<ContainerSources> {
  const dockerfile = await readFile(join(source.folder, 'sim/release/Dockerfile'));
  // The database driver of the Node in the image, whose native part is a package of its own.
  const wanted = { command: 'doorsill', arch, optional: ['better-sqlite3'] };
  return await withProgramTree(source, wanted, async (tree) => {
    const programs = tree.files.map(({ path, bytes }) => ({ path: `doorsill/${path}`, bytes }));
    const files = [{ path: 'Dockerfile', bytes: dockerfile }, ...programs];
    const archive = packArchive(files, source.madeS);
    return { files, archive, packages: tree.listOf(archive) };
  });
}

/** Throws `release_unmade` where buildah is missing. */
export function assertBuildah(): void {
  if (spawnSync('buildah', ['--version']).error)
    throw failure('release_unmade', {
      detail: 'buildah, which builds the images, is missing: install it, or leave them out with --no-images.',
    });
}

/**
 * Builds the images, for this machine's processor, on `base`, an image of Debian with Node; absent: the Dockerfile's, which buildah fetches.
 * Throws `release_unmade` where buildah fails.
 */
export async function containerImages(
  { files }: ContainerSources,
  { version, madeS, base }: { version: string; madeS: number; base?: string | undefined },
): Promise<ContainerImage[]> {
  const stage = await mkdtemp(join(tmpdir(), 'doorsill-images-'));
  const images: ContainerImage[] = [];
  try {
    const context = join(stage, 'context');
    await writeFiles(context, files);
    for (const target of TARGETS) {
      const image = imageName(target, version);
      const file = `doorsill-${target}-${version}-linux-${process.arch}.tar.gz`;
      const wish = ['--target', target, '--tag', image, ...(base === undefined ? [] : ['--build-arg', `BASE=${base}`])];
      // Docker's format, because OCI's has no health check; Docker's network, because a build fetches Debian's packages.
      const format = ['--format', 'docker', '--timestamp', String(madeS), '--network', 'host', '--quiet'];
      run('buildah', ['build', ...format, ...wish, context], stage);
      const tar = join(stage, target);
      run('buildah', ['push', '--quiet', image, `docker-archive:${tar}:${image}`], stage);
      run('gzip', ['--no-name', '--suffix', '.gz', tar], stage);
      images.push({ file, bytes: await readFile(`${tar}.gz`) });
    }
    return images;
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}
