// Holds: the contract of stores, on SQLite files. Not here: the contract itself, opening a file (database.test.ts).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { openVaultDatabase } from '../../../cloud-bridge/vault/database/vault-database.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { storesContract } from './stores-contract.ts';

storesContract(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-stores-'));
  const path = (part: 'bridge' | 'vault') => join(folder, `${part}.sqlite`);
  const tamper = async (part: 'bridge' | 'vault', ...statements: string[]) => {
    const file = new Sqlite(path(part));
    for (const statement of statements) file.prepare(statement).run();
    file.close();
  };
  return {
    bridge: () => openBridgeDatabase(path('bridge')),
    vault: () => openVaultDatabase({ file: path('vault') }, new SystemClock()),
    tamper,
    refuseRows: async (table) => {
      const part = table === 'trail' ? 'vault' : 'bridge';
      await tamper(part, `create trigger refuse before insert on ${table} begin select raise(abort, 'no row'); end`);
      return () => tamper(part, 'drop trigger refuse');
    },
    dispose: () => rm(folder, { recursive: true }),
  };
});
