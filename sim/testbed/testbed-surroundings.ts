// Tells device/cli about the doorbells of a testbed, running or not, and about the drawn porch as a camera.
import type { Disk } from '@doorsill/base/disk';
import { folderHolder } from '@doorsill/base/folder-lock';
import type { Surroundings } from '@doorsill/device/cli/surroundings';
import { failure } from '../errors.ts';
import { listDoorbells } from './doorbell-folders.ts';
import { readTestbedFile } from './testbed-folder.ts';

/** Throws `not_running` when the folder is a testbed's and no process holds it: waiting for its broker would be pointless. */
export async function expectRunning(disk: Disk, folder: string): Promise<void> {
  if ((await readTestbedFile(disk, folder)) && folderHolder(folder) === null) throw failure('not_running', { folder });
}

/** The surroundings of `doorsill`. */
export const TESTBED: Surroundings = {
  cameras: async () => (await import('../porch/porch-camera.ts')).ALL_CAMERAS,
  camera: 'synthetic',
  doorbells: async (disk, folder) => ((await readTestbedFile(disk, folder)) ? listDoorbells(disk, folder) : []),
  expectRunning,
  whyEmpty: async (disk, folder) => {
    if ((await readTestbedFile(disk, folder))?.kind !== 'doorsill-fleet') return failure('not_running', { folder });
    const detail = `${folder} is a fleet’s, whose owners answer by themselves; \`doorsill up\` runs doorbells that are yours`;
    return failure('usage', { detail });
  },
  examine: async (seams, folder) => (await import('./examine-testbed.ts')).examineTestbed(seams, folder),
};
