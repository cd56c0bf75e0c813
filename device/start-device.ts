// Owns: starting a doorbell with the seams of its process. Not here: command-line parsing and the folder's lock (sim/cli).

import { keepMemoryOutOfCoreDumps } from '@doorsill/base/core-dump';
import { SystemPrograms } from '@doorsill/base/system-programs';
import { findFfmpeg } from './camera/find-ffmpeg.ts';
import { Doorbell, type DoorbellOptions, type DoorbellSeams } from './doorbell.ts';
import { finishFactoryReset } from './factory-reset.ts';

/** A running doorbell on its data folder, which the caller has locked; a factory reset that was cut off is finished first. Throws `ffmpeg_missing` and what `Doorbell.start` throws. */
export async function startDevice(
  options: DoorbellOptions,
  seams: Omit<DoorbellSeams, 'ffmpeg' | 'programs'>,
): Promise<Doorbell> {
  // Before private data is read, and before other programs are started, because they inherit it.
  keepMemoryOutOfCoreDumps(seams.log);
  const ffmpeg = await findFfmpeg();
  if (await finishFactoryReset(seams.disk, seams.random, options.folder))
    seams.log.warn('a factory reset that was begun is finished', { folder: options.folder });
  const doorbell = new Doorbell(options, { ...seams, ffmpeg, programs: new SystemPrograms() });
  await doorbell.start();
  return doorbell;
}
