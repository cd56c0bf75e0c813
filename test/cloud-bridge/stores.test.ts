// Holds: the contract of stores, on SQLite files. Not here: the contract itself, opening a file (bridge-database.test.ts).
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { databasePlace } from '../../cloud-bridge/persistence/open-database.ts';
import { openRegistryStore, REGISTRY_FILES } from '../../cloud-bridge/registry/sql-registry-store.ts';
import { openVaultDatabase } from '../../cloud-bridge/vault/vault-database.ts';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { filePlace, openBridgeDatabase, PLACE_SEAMS } from '../support/bridge-database.ts';
import { storesContract } from './support/stores-contract.ts';
import type { Part } from './support/stores-ground.ts';

storesContract(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-stores-'));
  const path = (part: Part) => join(folder, part === 'registry' ? 'custody.sqlite' : `${part}.sqlite`);
  const registryPlace = databasePlace({ dataFolder: folder }, 'registry', REGISTRY_FILES);
  const seams = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk() };
  const tamper = async (part: Part, ...statements: string[]) => {
    const file = new Sqlite(path(part));
    for (const statement of statements) file.prepare(statement).run();
    file.close();
  };
  return {
    bridge: () => openBridgeDatabase(path('bridge')),
    vault: () => openVaultDatabase(filePlace(path('vault')), PLACE_SEAMS),
    registry: () => openRegistryStore(registryPlace, seams),
    writeBook: (text) => writeFile(join(folder, 'agencies.json'), text),
    tamper,
    refuseRows: async (part, table) => {
      await tamper(part, `create trigger refuse before insert on ${table} begin select raise(abort, 'no row'); end`);
      return () => tamper(part, 'drop trigger refuse');
    },
    dispose: () => rm(folder, { recursive: true }),
  };
});
