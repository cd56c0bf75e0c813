// Holds: an interrupted first start can be repeated in its folder, and foreign files are not touched.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { claimFolder } from '../../../sim/testbed/testbed-folder.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const disk = new SystemDisk();
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('claim');
});
afterEach(() => folder.dispose());

describe('a testbed’s folder', () => {
  it('belongs to the testbed from the first moment, so that an interrupted first start can be repeated', async () => {
    const first = await claimFolder(disk, folder.path, 'doorsill-up');
    expect(first.file).toBeNull();
    mkdirSync(join(folder.path, 'broker'));
    first.lock.release();
    const second = await claimFolder(disk, folder.path, 'doorsill-up');
    expect(second.file).toMatchObject({ kind: 'doorsill-up' });
    expect(second.file?.device).toBeUndefined();
    second.lock.release();
  });

  it('is refused when it holds anything else, or a testbed of another kind', async () => {
    const { lock } = await claimFolder(disk, join(folder.path, 'testbed'), 'doorsill-up');
    lock.release();
    await expect(claimFolder(disk, join(folder.path, 'testbed'), 'doorsill-demo')).rejects.toMatchObject({
      code: 'data_folder_foreign',
      message: expect.stringContaining('made by `doorsill up`'),
      advice: 'Name a new or empty folder, or one that `doorsill demo` made.',
    });
    writeFileSync(join(folder.path, 'letter.txt'), 'Dear Robin');
    await expect(claimFolder(disk, folder.path, 'doorsill-up')).rejects.toMatchObject({
      code: 'data_folder_foreign',
      advice: 'Name a new or empty folder, or one that `doorsill up` made.',
    });
  });

  it('cannot be in a folder that takes no entries: that fails at once', async () => {
    await expect(claimFolder(disk, '/proc/doorsill', 'doorsill-up')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
