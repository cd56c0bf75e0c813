// Runs every contract of the stores on one kind of database, each test on fresh databases.
import { afterEach, beforeEach, describe } from 'vitest';
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import type { VaultDatabase } from '../../../cloud-bridge/vault/vault-database.ts';
import { registryStoreContract } from '../registry/store-contract.ts';
import { bridgeStoresContract } from './bridge-stores-contract.ts';
import { intakesContract } from './intakes-contract.ts';
import { enrolAndAsk } from './plain-rows.ts';
import type { StoresGround } from './stores-ground.ts';
import { vaultStoresContract } from './vault-stores-contract.ts';

export function storesContract(open: () => Promise<StoresGround & { dispose(): Promise<void> }>): void {
  let ground: Awaited<ReturnType<typeof open>>;
  beforeEach(async () => {
    ground = await open();
  });
  afterEach(() => ground.dispose());

  describe('the bridge’s stores', () => {
    let database: Database;
    beforeEach(async () => {
      database = await ground.bridge();
    });
    afterEach(() => database.close());
    const reopen = async () => {
      await database.close();
      database = await ground.bridge();
    };
    bridgeStoresContract(
      () => ground,
      () => database,
      reopen,
    );
    describe('once a device is enrolled and asked', () => {
      beforeEach(() => enrolAndAsk(database));
      intakesContract(() => database);
    });
  });

  describe('the registry’s store', () => registryStoreContract(() => ground));

  describe('the vault’s stores', () => {
    let vault: VaultDatabase;
    beforeEach(async () => {
      vault = await ground.vault();
    });
    afterEach(() => vault.close());
    const reopen = async () => {
      await vault.close();
      vault = await ground.vault();
    };
    vaultStoresContract(
      () => ground,
      () => vault,
      reopen,
    );
  });
}
