// `npm run release`.

import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SystemDisk } from '@doorsill/base/disk';
import { SystemRandom } from '@doorsill/base/random';
import { utf8 } from '@doorsill/contract/bytes';
import { reportFailure } from '@doorsill/device/terminal/output';
import { printMinisignKey, signAsMinisign } from '@doorsill/device/update/minisign';
import { failure } from '../errors.ts';
import { buildRelease, type Cpu } from './build-release.ts';
import { createReleaseKey, loadReleaseKey } from './release-key.ts';

const USAGE = `Usage: npm run release -- --key FILE [--cpu x64|arm64] [--out DIR]
       npm run release -- --new-key FILE

  --key FILE       the signing key, a file of mode 0600
  --new-key FILE   make a key, and FILE.pub, which doorbells pin
  --cpu CPU        processor of the doorbells (default: this machine's)
  --out DIR        folder for the release (default: release)

Makes doorsill-VERSION-linux-CPU.tar.gz from the last commit, its signature (.minisig, which minisign checks, too) and the list of its
packages (.cdx.json, CycloneDX). The same commit, Node and npm give the same bytes.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      key: { type: 'string' },
      'new-key': { type: 'string' },
      cpu: { type: 'string', default: process.arch },
      out: { type: 'string', default: 'release' },
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
  if (values.key === undefined) throw failure('usage', { detail: 'name the signing key: --key FILE' });
  const arch = cpuOf(values.cpu);
  const key = await loadReleaseKey(disk, resolve(values.key));
  const { manifest, archive, packages } = await buildRelease(fileURLToPath(new URL('../../..', import.meta.url)), arch);
  const name = `doorsill-${manifest.version}-linux-${arch}`;
  const comment = `timestamp:${manifest.madeS}\tfile:${name}.tar.gz\thashed`;
  const folder = resolve(values.out);
  await mkdir(folder, { recursive: true });
  const files: [string, Uint8Array][] = [
    [`${name}.cdx.json`, utf8(packages)],
    [`${name}.tar.gz.minisig`, utf8(signAsMinisign(archive, key.id, key.signing, comment))],
    [`${name}.tar.gz`, archive],
  ];
  for (const [file, bytes] of files) await disk.replaceFile(join(folder, file), bytes);
  for (const [file, bytes] of files) console.log(`${join(folder, file)}: ${bytes.length} bytes`);
}

function cpuOf(text: string): Cpu {
  if (text === 'x64' || text === 'arm64') return text;
  throw failure('usage', { detail: `releases are for x64 and arm64, not for ${text}` });
}

await main().catch((thrown: unknown) => reportFailure(thrown, false));
