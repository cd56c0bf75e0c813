// The archive of a doorbell's programs for boards with one kind of processor: what `device update` takes.
import { DEVICE_FORMAT } from '@doorsill/device/folder-format';
import { MANIFEST_NAME, ReleaseManifest } from '@doorsill/device/update/release-manifest';
import { type ArchiveFile, packArchive } from './pack-archive.ts';
import { type Cpu, withProgramTree } from './program-tree.ts';
import type { ReleaseSource } from './release-source.ts';

export interface BoardArchive {
  manifest: ReleaseManifest;
  /** What is inside. */
  files: ArchiveFile[];
  archive: Uint8Array;
  /** CycloneDX 1.5, as JSON. */
  packages: string;
}

/**
 * The archive of a source for a processor, without optional packages: a doorbell needs no database driver, and uses the system's ffmpeg, which
 * the system updates. The same commit, Node and npm give the same bytes. Throws `release_unmade` when npm fails.
 */
export async function boardArchive(source: ReleaseSource, arch: Cpu): Promise<BoardArchive> {
  const { version, node, commit, madeS } = source;
  const manifest = ReleaseManifest.parse({
    kind: 'doorsill-release',
    version,
    platform: 'linux',
    arch,
    node,
    format: DEVICE_FORMAT,
    commit,
    madeS,
  });
  return await withProgramTree(source, { command: '@doorsill/device', arch, optional: [] }, async (tree) => {
    const manifestFile = { path: MANIFEST_NAME, bytes: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) };
    const files = [manifestFile, ...tree.files];
    const archive = packArchive(files, madeS);
    return { manifest, files, archive, packages: tree.listOf(archive) };
  });
}
