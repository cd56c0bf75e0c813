// `npm run release`.

import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SystemDisk } from '@doorsill/base/disk';
import { SystemRandom } from '@doorsill/base/random';
import { reportFailure } from '@doorsill/device/terminal/output';
import { printMinisignKey } from '@doorsill/device/update/minisign';
import { failure } from '../errors.ts';
import { makeRelease } from './make-release.ts';
import { npmPackages } from './npm-packages.ts';
import { createReleaseKey, loadReleaseKey } from './release-key.ts';
import { builtCheckout } from './release-source.ts';

const USAGE = `Usage: npm run release -- --key FILE [--out DIR] [--scope NAME] [--repository URL] [--base IMAGE | --no-images]
       npm run release -- --npm [--out DIR]
       npm run release -- --new-key FILE

  --key FILE          the signing key, a file of mode 0600
  --npm               only the packages for npm, of this checkout as it is, unsigned
  --new-key FILE      make a key, and FILE.pub, which doorbells pin
  --out DIR           folder for the release (default: release)
  --scope NAME        name the packages for npm @NAME/..., a scope that you own
  --repository URL    the https address of the repository, which npm's provenance names
  --base IMAGE        build the images of containers on this one, a Debian 13 with Node 24 (default: Docker's official one)
  --no-images         without images of containers

Makes a release of the last commit: packages for npm, archives for boards (x64, arm64) with their signatures (.minisig), Debian packages of the
same (dpkg-deb), images of containers for this machine's processor (buildah) and what they are built from, lists of packages (.cdx.json,
CycloneDX), what changed, and SHA256SUMS with its signature. minisign checks the signatures, too. The same commit, Node, npm and dpkg give the
same bytes, but for the images.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      key: { type: 'string' },
      npm: { type: 'boolean', default: false },
      'new-key': { type: 'string' },
      out: { type: 'string', default: 'release' },
      scope: { type: 'string' },
      repository: { type: 'string' },
      base: { type: 'string' },
      images: { type: 'boolean', default: true },
      help: { type: 'boolean', default: false },
    },
    allowNegative: true,
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
    for (const [file, bytes] of await makeRelease(root, key, values)) files.set(file, bytes);
  }
  const folder = resolve(values.out);
  await mkdir(folder, { recursive: true });
  for (const [file, bytes] of files) await disk.replaceFile(join(folder, file), bytes);
  for (const [file, bytes] of files) console.log(`${join(folder, file)}: ${bytes.length} bytes`);
}

await main().catch((thrown: unknown) => reportFailure(thrown, false));
