// All files of a release, from the last commit.
import { sha256Hex } from '@doorsill/base/keys';
import { utf8 } from '@doorsill/contract/bytes';
import { parseJson } from '@doorsill/contract/parse-json';
import { signAsMinisign } from '@doorsill/device/update/minisign';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { boardArchive } from './board-archive.ts';
import { assertBuildah, containerImages, containerSources } from './container-images.ts';
import { assertDpkg, type DebianPackage, debianPackage } from './debian-package.ts';
import { homeAssistantArchive } from './home-assistant-archive.ts';
import { listPackages } from './list-packages.ts';
import { npmPackages, type PublishedAs } from './npm-packages.ts';
import type { ReleaseKey } from './release-key.ts';
import { fileOfCommit, type ReleaseSource, withBuiltCommit } from './release-source.ts';

const versionSchema = z.looseObject({ version: z.string() });

export interface ReleaseWish extends PublishedAs {
  /** Build the images of containers, for this machine's processor. */
  images: boolean;
  /** The image that they are built on; absent: the Dockerfile's, which buildah fetches. */
  base?: string | undefined;
}

/**
 * Makes a release of the last commit of the checkout `root`; returns its files by their names. SHA256SUMS comes last, so that a release that is
 * cut off has none. The same commit, Node, npm, dpkg and key give the same bytes, but for the images, in which Debian's packages of the day are.
 * Throws `release_unmade`.
 */
export async function makeRelease(root: string, key: ReleaseKey, wish: ReleaseWish): Promise<Map<string, Uint8Array>> {
  // What can be told before the build, which takes minutes.
  assertDpkg();
  if (wish.images) assertBuildah();
  const { version } = versionSchema.parse(parseJson(fileOfCommit(root, 'package.json')));
  const changes = changesIn(fileOfCommit(root, 'CHANGELOG.md'), version);
  return await withBuiltCommit(root, (source) => releaseOf(source, key, wish, changes));
}

async function releaseOf(
  source: ReleaseSource,
  key: ReleaseKey,
  wish: ReleaseWish,
  changes: string,
): Promise<Map<string, Uint8Array>> {
  const { folder, version, madeS } = source;
  const whole = `doorsill-${version}`;
  const sign = (file: string, bytes: Uint8Array) =>
    utf8(signAsMinisign(bytes, key.id, key.signing, `timestamp:${madeS}\tfile:${file}\thashed`));
  const files = new Map([[`${whole}.md`, utf8(changes)]]);
  for (const { file, bytes } of npmPackages(source, wish)) files.set(file, bytes);
  const debs: DebianPackage[] = [];
  for (const arch of ['x64', 'arm64'] as const) {
    const board = await boardArchive(source, arch);
    const { archive, packages } = board;
    const name = `${whole}-linux-${arch}`;
    files.set(`${name}.tar.gz`, archive).set(`${name}.tar.gz.minisig`, sign(`${name}.tar.gz`, archive));
    files.set(`${name}.cdx.json`, utf8(packages));
    const deb = await debianPackage(board, source.author);
    debs.push(deb);
    files.set(deb.file, deb.bytes);
    const sources = await containerSources(source, arch);
    files.set(`${whole}-container-linux-${arch}.tar.gz`, sources.archive);
    files.set(`${whole}-container-linux-${arch}.cdx.json`, utf8(sources.packages));
    if (!wish.images || arch !== process.arch) continue;
    for (const image of await containerImages(sources, { version, madeS, base: wish.base }))
      files.set(image.file, image.bytes);
  }
  files.set(`${whole}-home-assistant.tar.gz`, (await homeAssistantArchive(source, debs, changes)).archive);
  files.set(`${whole}.cdx.json`, utf8(listPackages(folder, ['--workspaces'], madeS, utf8(source.commit))));
  const sums = utf8([...files].map(([file, bytes]) => `${sha256Hex(bytes)}  ${file}\n`).join(''));
  return files.set('SHA256SUMS.minisig', sign('SHA256SUMS', sums)).set('SHA256SUMS', sums);
}

/** What a CHANGELOG says of a version. Throws `release_unmade` where it says nothing. */
function changesIn(changelog: string, version: string): string {
  const part = changelog.split(/^(?=## )/m).find((text) => text.startsWith(`## ${version} `));
  if (part === undefined)
    throw failure('release_unmade', { detail: `CHANGELOG.md has no part "## ${version} (day)".` });
  return part;
}
