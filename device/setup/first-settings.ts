// Writes a doorbell's first settings and its identity: for `init`, and for the set-up page.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { utf8 } from '@doorsill/contract/bytes';
import { type DeviceConfigInput, parseDeviceConfig } from '../config.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from '../identity.ts';
import { failure } from '../terminal/errors.ts';

const SETTINGS = 'device.json';

/** The path of a doorbell's settings in its folder. Throws `settings_exist` where it has some. */
export async function unwrittenSettings(disk: Disk, folder: string): Promise<string> {
  const file = join(folder, SETTINGS);
  if ((await disk.sizeOf(file)) !== null) throw failure('settings_exist', { file });
  return file;
}

/**
 * Writes the settings and the key of a doorbell, which is made unless it is there or given as `made`; returns its id, and the path of the
 * settings. They are written last, in one step, and a doorbell starts only where they are. Throws `settings_exist`, `config_invalid`, and the
 * disk's errors.
 */
export async function writeFirstSettings(
  { disk, random }: { disk: Disk; random: Random },
  folder: string,
  settings: DeviceConfigInput,
  made?: SigningKey,
): Promise<{ file: string; device: string }> {
  const file = await unwrittenSettings(disk, folder);
  parseDeviceConfig(settings, file);
  const device = deviceIdOf(await loadOrCreateDeviceKey(disk, random, folder, made));
  await disk.replaceFile(file, utf8(`${JSON.stringify(settings, null, 2)}\n`));
  return { file, device };
}
