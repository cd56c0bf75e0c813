// Reads a settings file, without its schema, and the one setting that is read again while the device runs.
import { type Disk, systemCode } from '@doorsill/base/disk';
import type { OtherDoor } from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';
import { ConsoleSettings } from './console/console-settings.ts';

const FILE_BYTES_MAX = 200_000;

/** Reads a settings file, without checking it; null when it does not exist. Throws `config_invalid`. */
export async function readSettings(disk: Disk, path: string): Promise<object | null> {
  const invalid = (detail: string) => failure('config_invalid', { file: path, detail });
  const bytes = await disk.readFile(path, FILE_BYTES_MAX).catch((thrown: unknown) => {
    if (systemCode(thrown) === 'EFBIG') throw invalid(`it has more than ${FILE_BYTES_MAX} bytes`);
    if (systemCode(thrown) === 'EISDIR') throw invalid('it is a folder');
    throw thrown;
  });
  if (!bytes) return null;
  let parsed: unknown;
  try {
    // TextDecoder drops the byte order mark that some editors write.
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (thrown) {
    throw invalid(thrown instanceof SyntaxError ? thrown.message : 'it is not UTF-8 text');
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw invalid('it must hold one JSON object');
}

/**
 * Returns a function that reads the other doorbells (`console.others`) from the settings file. While the file cannot be read or is invalid
 * (somebody may be editing it), the function returns its previous result, at first `known`.
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
