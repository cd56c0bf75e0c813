// Owns: opening a bridge's database as the bridge does, on the machine's own clock and randomness. Not here: what is in it.
import { z } from 'zod';
import { type Database, openDatabase } from '../../cloud-bridge/database/database.ts';
import { type DatabasePlace, databasePlace } from '../../cloud-bridge/database/place.ts';
import { databaseSettings } from '../../cloud-bridge/database/postgres-address.ts';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemRandom } from '../../device/base/random.ts';

export function openBridgeDatabase(path: string): Promise<Database> {
  return openBridgeAt({ file: path });
}

export function openBridgeAt(place: DatabasePlace): Promise<Database> {
  return openDatabase(place, { clock: new SystemClock(), random: new SystemRandom() });
}

/** The place in a PostgreSQL database, as a server's settings would name it. */
export function postgresPlace(url: string, part: 'bridge' | 'vault' = 'bridge', passwordFile?: string): DatabasePlace {
  const settings = { database: url, ...(passwordFile === undefined ? {} : { databasePasswordFile: passwordFile }) };
  return databasePlace({ dataFolder: '/nowhere', ...z.strictObject(databaseSettings).parse(settings) }, part);
}
