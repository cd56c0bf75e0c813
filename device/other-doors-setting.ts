// Owns: reading `console.others` from the settings file while the device runs. Not here: all other settings, which are read once
// (config.ts), and who is told (console/owner-routes.ts).
import type { Disk } from '@doorsill/base/disk';
import type { OtherDoor } from '@doorsill/contract/console-messages';
import { ConsoleSettings } from './console/console-settings.ts';
import { readSettings } from './settings-file.ts';

/**
 * A function that tells the other doors as `file` names them now. While the file cannot be read, or names them wrongly (somebody may be
 * editing it), it tells those it told before; `known` are the first.
 */
export function followOtherDoors(
  disk: Disk,
  file: string,
  known: readonly OtherDoor[],
): () => Promise<readonly OtherDoor[]> {
  let told = known;
  return async () => {
    const stored = await readSettings(disk, file).catch(() => null);
    if (stored === null) return told;
    const settings = ConsoleSettings.pick({ others: true }).safeParse({ others: othersIn(stored) });
    if (settings.success) told = settings.data.others;
    return told;
  };
}

function othersIn(settings: object): unknown {
  const own = 'console' in settings ? settings.console : undefined;
  return typeof own === 'object' && own !== null && 'others' in own ? own.others : undefined;
}
