// Owns: the links between the pages of a testbed's doorbells, in the settings of each. Not here: showing them (device/console).
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  type Disk,
  OTHER_DOORS_MAX,
  type OtherDoor,
  otherDoorSchema,
  utf8,
} from '../../device/exports-without-firmware.ts';
import { readDoorbellSettings } from './doorbell-folders.ts';

/**
 * Has the page of the doorbell in `path` link to `doors`; its process reads that anew by itself. Links to other machines, which somebody
 * set by hand, stay. Throws `config_invalid`.
 */
export async function linkPage(disk: Disk, path: string, doors: readonly OtherDoor[]): Promise<void> {
  const settings = await readDoorbellSettings(disk, path);
  if (!settings?.console) return;
  const before = Array.isArray(settings.console['others']) ? settings.console['others'] : [];
  const elsewhere = before.filter((other) => {
    const parsed = otherDoorSchema.safeParse(other);
    return !parsed.success || !isThisMachine(parsed.data.url);
  });
  const others = [...elsewhere, ...doors].slice(0, OTHER_DOORS_MAX);
  if (isDeepStrictEqual(before, others)) return;
  const changed = { ...settings, console: { ...settings.console, others } };
  await disk.replaceFile(join(path, 'device.json'), utf8(`${JSON.stringify(changed, null, 2)}\n`));
}

function isThisMachine(url: string): boolean {
  const name = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const addresses = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  return ['localhost', '127.0.0.1', '::1', hostname().toLowerCase(), ...addresses].includes(name);
}
