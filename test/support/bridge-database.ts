// Owns: opening a bridge's database as the bridge does, on the machine's own clock and randomness. Not here: what is in it.
import { type Database, openDatabase } from '../../cloud-bridge/database/database.ts';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemRandom } from '../../device/base/random.ts';

export function openBridgeDatabase(path: string): Promise<Database> {
  return openDatabase({ file: path }, { clock: new SystemClock(), random: new SystemRandom() });
}
