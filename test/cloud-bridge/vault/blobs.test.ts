// The contract of evidence storage, on a folder.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { FolderBlobs } from '../../../cloud-bridge/vault/evidence-blobs.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { blobsContract } from './blobs-contract.ts';

let folder = temporaryFolder('blobs');
afterEach(() => {
  folder.dispose();
  folder = temporaryFolder('blobs');
});

blobsContract(
  () => new FolderBlobs(new SystemDisk(), new SystemRandom(), folder.path),
  async () => readdirSync(join(folder.path, 'blobs')).sort(),
);
