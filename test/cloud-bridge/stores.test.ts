// The contract of the stores, on SQLite files.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { databasePlace } from '../../cloud-bridge/persistence/open-database.ts';
import { openRegistryStore, REGISTRY_FILES } from '../../cloud-bridge/registry/sql-registry-store.ts';
import { openVaultDatabase } from '../../cloud-bridge/vault/vault-database.ts';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { filePlace, openBridgeDatabase, PLACE_SEAMS } from '../support/bridge-database.ts';
import { temporaryFolder } from '../support/command-line.ts';
import { Sqlite } from '../support/sqlite.ts';
import { runOtherBridgeStatements, runOtherVaultStatements } from './support/other-statements.ts';
import { storesContract } from './support/stores-contract.ts';
import type { Part } from './support/stores-ground.ts';
import { wholeReads } from './support/whole-reads.ts';

/** The text of each statement that a store prepared, and the name of each method of the stores. */
const statements = new Set<string>();
const methods = new Map<string, { mock: { calls: unknown[][] } }>();
const folder = temporaryFolder('plans');
const [bridge, vault] = [join(folder.path, 'bridge.sqlite'), join(folder.path, 'vault.sqlite')];

beforeAll(async () => {
  const { prepare } = Sqlite.prototype;
  vi.spyOn(Sqlite.prototype, 'prepare').mockImplementation(function (this: InstanceType<typeof Sqlite>, text: string) {
    statements.add(text);
    return prepare.call(this, text);
  });
  for (const { close, ...stores } of [
    await openBridgeDatabase(bridge),
    await openVaultDatabase(filePlace(vault), PLACE_SEAMS),
  ]) {
    // Classes without a database are no stores; calls are counted on PostgreSQL alone, where another test checks the plan.
    const isTried = (name: string) => name.startsWith('Sql') && name !== 'SqlCallCounts';
    for (const store of Object.values(stores).filter((one) => isTried(one.constructor.name))) {
      const kind: Record<string, () => unknown> = Object.getPrototypeOf(store);
      for (const name of Object.getOwnPropertyNames(kind)) {
        if (name !== 'constructor') methods.set(`${store.constructor.name}.${name}`, vi.spyOn(kind, name));
      }
    }
    await close();
  }
});
afterAll(() => {
  vi.restoreAllMocks();
  folder.dispose();
});

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
    writeFormerBook: (text) => writeFile(join(folder, 'agencies.json'), text),
    tamper,
    refuseRows: async (part, table) => {
      await tamper(part, `create trigger refuse before insert on ${table} begin select raise(abort, 'no row'); end`);
      return () => tamper(part, 'drop trigger refuse');
    },
    dispose: () => rm(folder, { recursive: true }),
  };
});

describe('the statements of all stores, each as it was run,', () => {
  it('never read a table whole that grows with homes, requests or clips', async () => {
    const [rows, evidence] = [await openBridgeDatabase(bridge), await openVaultDatabase(filePlace(vault), PLACE_SEAMS)];
    await runOtherBridgeStatements(rows);
    await runOtherVaultStatements(evidence);
    await Promise.all([rows.close(), evidence.close()]);
    const untried = [...methods].filter(([, { mock }]) => mock.calls.length === 0).map(([name]) => name);
    expect(untried).toEqual([]);
    expect(wholeReads(bridge, statements)).toEqual([]);
    expect(wholeReads(vault, statements)).toEqual([]);
    // A statement that must be found.
    expect(wholeReads(bridge, ['select * from "intakes" where "manifest" <> ?'])).toHaveLength(1);
  });
});
