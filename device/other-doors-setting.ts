// `console.others` is the one setting that is read again while the device runs.
import type { Disk } from '@doorsill/base/disk';
import type { OtherDoor } from '@doorsill/contract/console-messages';
import { ConsoleSettings } from './console/console-settings.ts';
import { readSettings } from './settings-file.ts';

/**
 * Returns a function that reads the other doorbells from `file`. While the file cannot be read or is invalid (somebody may be editing
 * it), the function returns its previous result, at first `known`.
 */
export function followOtherDoors(
  disk: Disk,
  file: string,
  known: readonly OtherDoor[],
): () => Promise<readonly OtherDoor[]> {
  let newest = known;
  return async () => {
    const stored = await readSettings(disk, file).catch(() => null);
    if (stored === null) return newest;
    const settings = ConsoleSettings.pick({ others: true }).safeParse({ others: othersIn(stored) });
    if (settings.success) newest = settings.data.others;
    return newest;
  };
}

function othersIn(settings: object): unknown {
  const own = 'console' in settings ? settings.console : undefined;
  return typeof own === 'object' && own !== null && 'others' in own ? own.others : undefined;
}
