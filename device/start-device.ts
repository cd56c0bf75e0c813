// Starts a doorbell with the parts of its own process.
import { keepMemoryOutOfCoreDumps } from '@doorsill/base/core-dump';
import { SystemPrograms } from '@doorsill/base/system-programs';
import { findFfmpeg } from './camera/find-ffmpeg.ts';
import { Doorbell, type DoorbellOptions, type DoorbellSeams } from './doorbell.ts';
import { finishFactoryReset } from './factory-reset.ts';

/**
 * Starts a doorbell on its data folder, which the caller has locked, after finishing an interrupted factory reset. Throws
 * `ffmpeg_missing` and the errors of `Doorbell.start`.
 */
export async function startDevice(
  options: DoorbellOptions,
  seams: Omit<DoorbellSeams, 'ffmpeg' | 'programs'>,
): Promise<Doorbell> {
  // Before private data is read, and before programs are started, which inherit the setting.
  keepMemoryOutOfCoreDumps(seams.log);
  const ffmpeg = await findFfmpeg();
  if (await finishFactoryReset(seams.disk, seams.random, options.folder))
    seams.log.warn('finished an interrupted factory reset', { folder: options.folder });
  const doorbell = new Doorbell(options, { ...seams, ffmpeg, programs: new SystemPrograms() });
  await doorbell.start();
  return doorbell;
}
