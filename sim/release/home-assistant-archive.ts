// The app ("add-on") of Home Assistant: a folder for /addons, from which the Supervisor builds an image on the machine that runs it.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DebianPackage } from './debian-package.ts';
import { type ArchiveFile, packArchive } from './pack-archive.ts';
import { order, type ReleaseSource } from './release-source.ts';

/**
 * The app's folder `doorsill` with the Debian packages of its processors; `changes` is what the version changes. The same packages give the
 * same bytes.
 */
export async function homeAssistantArchive(
  { folder, version, madeS }: ReleaseSource,
  debs: readonly DebianPackage[],
  changes: string,
): Promise<{ files: ArchiveFile[]; archive: Uint8Array }> {
  const from = join(folder, 'sim/release/home-assistant-app');
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const kept = paths.map(async (path) => ({ path: path.slice(from.length + 1), bytes: await readFile(path) }));
  const written = (await Promise.all(kept)).map(({ path, bytes }) =>
    path === 'config.yaml'
      ? { path, bytes: Buffer.from(bytes.toString().replace('version: VERSION', `version: "${version}"`)) }
      : { path, bytes },
  );
  const files = [
    ...written,
    { path: 'CHANGELOG.md', bytes: Buffer.from(changes) },
    ...debs.map(({ file, bytes }) => ({ path: file.replace(/_.*_/, '_'), bytes })),
  ]
    .map(({ path, bytes }) => ({ path: `doorsill/${path}`, bytes }))
    .sort((a, b) => order(a.path, b.path));
  return { files, archive: packArchive(files, madeS) };
}
