// Opening a bridge's database as the bridge does, on the machine's own clock and randomness.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { type Database, openDatabase } from '../../cloud-bridge/bridge-database.ts';
import { MIGRATIONS } from '../../cloud-bridge/persistence/bridge-schema.ts';
import type { Migrations } from '../../cloud-bridge/persistence/migrations.ts';
import { type DatabasePlace, databasePlace } from '../../cloud-bridge/persistence/open-database.ts';
import { databaseSettings } from '../../cloud-bridge/persistence/postgres-address.ts';
import { openSqlite } from '../../cloud-bridge/persistence/sqlite-file.ts';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { SystemRandom } from '../../device/base/random.ts';

export async function openBridgeDatabase(path: string): Promise<Database> {
  await putMigrated(path, MIGRATIONS);
  return openBridgeAt(filePlace(path));
}

const migrated = new Map<Migrations, Uint8Array>();

/** Puts a migrated SQLite file without rows where none is: a copy of this process's first one, which takes a tenth of the time. */
export async function putMigrated(path: string, migrations: Migrations): Promise<void> {
  if (existsSync(path) || !existsSync(dirname(path))) return;
  const known = migrated.get(migrations);
  if (known) return writeFileSync(path, known, { mode: 0o600 });
  await (await openSqlite(path, migrations, () => ({}))).close();
  migrated.set(migrations, readFileSync(path));
}

export function openBridgeAt(place: DatabasePlace): Promise<Database> {
  return openDatabase(place, { ...PLACE_SEAMS, random: new SystemRandom() });
}

/** A disk that remembers no database: belonging together has tests of its own. */
class ForgettingDisk extends SystemDisk {
  override async replaceFile(): Promise<void> {}
}
export const PLACE_SEAMS = { clock: new SystemClock(), disk: new ForgettingDisk() };

/** An SQLite file. */
export function filePlace(path: string): DatabasePlace {
  return databasePlace({ dataFolder: dirname(path) }, 'bridge', [basename(path)]);
}

/** The place in a PostgreSQL database, as a server's settings would name it. */
export function postgresPlace(
  url: string,
  part: 'bridge' | 'vault' | 'registry' = 'bridge',
  passwordFile?: string,
): DatabasePlace {
  const settings = { database: url, ...(passwordFile === undefined ? {} : { databasePasswordFile: passwordFile }) };
  return databasePlace({ dataFolder: '/nowhere', ...z.strictObject(databaseSettings).parse(settings) }, part);
}

/** The same for one of several instances of a bridge. */
export function instancePlace(url: string, name: string): DatabasePlace {
  const { database } = z.strictObject(databaseSettings).parse({ database: url });
  return databasePlace({ dataFolder: '/nowhere', database, instance: { name } }, 'bridge');
}
