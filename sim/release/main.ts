// `npm run release`.

import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SystemDisk } from '@doorsill/base/disk';
import { sha256Hex } from '@doorsill/base/keys';
import { SystemRandom } from '@doorsill/base/random';
import { utf8 } from '@doorsill/contract/bytes';
import { reportFailure } from '@doorsill/device/terminal/output';
import { printMinisignKey, signAsMinisign } from '@doorsill/device/update/minisign';
import { failure } from '../errors.ts';
import { boardArchive } from './board-archive.ts';
import { listPackages } from './list-packages.ts';
import { npmPackages, type PublishedAs } from './npm-packages.ts';
import { createReleaseKey, loadReleaseKey, type ReleaseKey } from './release-key.ts';
import { builtCheckout, type ReleaseSource, withBuiltCommit } from './release-source.ts';

const USAGE = `Usage: npm run release -- --key FILE [--out DIR] [--scope NAME] [--repository URL]
       npm run release -- --npm [--out DIR]
       npm run release -- --new-key FILE

  --key FILE          the signing key, a file of mode 0600
  --npm               only the packages for npm, of this checkout as it is, unsigned
  --new-key FILE      make a key, and FILE.pub, which doorbells pin
  --out DIR           folder for the release (default: release)
  --scope NAME        name the packages for npm @NAME/..., a scope that you own
  --repository URL    the https address of the repository, which npm's provenance names

Makes a release of the last commit: packages for npm, archives for boards (x64, arm64) with their signatures (.minisig), lists of packages
(.cdx.json, CycloneDX), what changed, and SHA256SUMS with its signature. minisign checks the signatures, too. The same commit, Node and npm
give the same bytes.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      key: { type: 'string' },
      npm: { type: 'boolean', default: false },
      'new-key': { type: 'string' },
      out: { type: 'string', default: 'release' },
      scope: { type: 'string' },
      repository: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const disk = new SystemDisk();
  const newKey = values['new-key'];
  if (newKey !== undefined) {
    const key = await createReleaseKey(disk, new SystemRandom(), resolve(newKey));
    return console.log(`${newKey}: keep it where only you can read it, and make a backup.\n\n${printMinisignKey(key)}`);
  }
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const files = new Map<string, Uint8Array>();
  if (values.npm) {
    for (const { file, bytes } of npmPackages(await builtCheckout(root), values)) files.set(file, bytes);
  } else {
    if (values.key === undefined) throw failure('usage', { detail: 'name the signing key: --key FILE' });
    const key = await loadReleaseKey(disk, resolve(values.key));
    for (const [file, bytes] of await withBuiltCommit(root, (source) => release(source, key, values)))
      files.set(file, bytes);
  }
  const folder = resolve(values.out);
  await mkdir(folder, { recursive: true });
  for (const [file, bytes] of files) await disk.replaceFile(join(folder, file), bytes);
  for (const [file, bytes] of files) console.log(`${join(folder, file)}: ${bytes.length} bytes`);
}

/** All files of a release by their names; SHA256SUMS comes last, so that a release that is cut off has none. */
async function release(source: ReleaseSource, key: ReleaseKey, as: PublishedAs): Promise<Map<string, Uint8Array>> {
  const { folder, version, madeS } = source;
  const whole = `doorsill-${version}`;
  const sign = (file: string, bytes: Uint8Array) =>
    utf8(signAsMinisign(bytes, key.id, key.signing, `timestamp:${madeS}\tfile:${file}\thashed`));
  const files = new Map([[`${whole}.md`, utf8(await changesIn(folder, version))]]);
  for (const { file, bytes } of npmPackages(source, as)) files.set(file, bytes);
  for (const arch of ['x64', 'arm64'] as const) {
    const { archive, packages } = await boardArchive(source, arch);
    const name = `${whole}-linux-${arch}`;
    files.set(`${name}.tar.gz`, archive).set(`${name}.tar.gz.minisig`, sign(`${name}.tar.gz`, archive));
    files.set(`${name}.cdx.json`, utf8(packages));
  }
  files.set(`${whole}.cdx.json`, utf8(listPackages(folder, ['--workspaces'], madeS, utf8(source.commit))));
  const sums = utf8([...files].map(([file, bytes]) => `${sha256Hex(bytes)}  ${file}\n`).join(''));
  return files.set('SHA256SUMS.minisig', sign('SHA256SUMS', sums)).set('SHA256SUMS', sums);
}

/** What CHANGELOG.md says of a version. Throws `release_unmade` where it says nothing. */
async function changesIn(folder: string, version: string): Promise<string> {
  const parts = (await readFile(join(folder, 'CHANGELOG.md'), 'utf8')).split(/^(?=## )/m);
  const part = parts.find((text) => text.startsWith(`## ${version} `));
  if (part === undefined)
    throw failure('release_unmade', { detail: `CHANGELOG.md has no part "## ${version} (day)".` });
  return part;
}

await main().catch((thrown: unknown) => reportFailure(thrown, false));
