// Holds: the bytes that a doorbell writes are counted under the part that writes them.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CountingDisk } from '../../../device/base/counting-disk.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { temporaryFolder } from '../../support/command-line.ts';

it('counts bytes written outside its folder as `elsewhere`', async () => {
  const folder = temporaryFolder('counting');
  const disk = new CountingDisk(new SystemDisk(), join(folder.path, 'porch'));
  await disk.makeFolder(join(folder.path, 'porch', 'ring'));
  await disk.replaceFile(join(folder.path, 'porch', 'ring', 'head'), new Uint8Array(30));
  await disk.replaceFile(join(folder.path, 'account.json'), new Uint8Array(7));
  expect(disk.written()).toEqual({ ring: 30, elsewhere: 7 });
  folder.dispose();
});
