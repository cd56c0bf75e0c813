// The contract of the stores, on a PostgreSQL server.
import { afterAll, beforeAll } from 'vitest';
import { openRegistryStore } from '../../cloud-bridge/registry/sql-registry-store.ts';
import { openVaultDatabase } from '../../cloud-bridge/vault/vault-database.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { openBridgeAt, PLACE_SEAMS, postgresPlace } from '../support/bridge-database.ts';
import { freePort } from '../support/mosquitto.ts';
import { PostgresServer } from '../support/postgres.ts';
import { storesContract } from './support/stores-contract.ts';
import type { Part } from './support/stores-ground.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.open(await freePort());
}, 60_000);
afterAll(() => server.dispose());

let count = 0;

storesContract(async () => {
  count += 1;
  const name = `stores_${count}`;
  const url = await server.database(name);
  const tamper = async (part: Part, ...statements: string[]) => {
    for (const statement of statements) await server.ask(`set search_path = doorsill_${part}; ${statement}`, name);
  };
  return {
    bridge: () => openBridgeAt(postgresPlace(url)),
    vault: () => openVaultDatabase(postgresPlace(url, 'vault'), PLACE_SEAMS),
    registry: () => openRegistryStore(postgresPlace(url, 'registry'), { ...PLACE_SEAMS, random: new SystemRandom() }),
    writeFormerBook: async (text) => {
      const row = `(one, book) values (1, '${text}') on conflict (one) do update set book = excluded.book`;
      await server.ask(`insert into doorsill_registry.registry_book ${row}`, name);
    },
    tamper,
    refuseRows: async (part, table) => {
      await tamper(
        part,
        `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no row'; end $$`,
        `create trigger refuse before insert on ${table} for each row execute function refuse()`,
      );
      return () => tamper(part, `drop trigger refuse on ${table}`, 'drop function refuse');
    },
    dispose: async () => void (await server.ask(`drop database ${name}`, 'postgres')),
  };
});
