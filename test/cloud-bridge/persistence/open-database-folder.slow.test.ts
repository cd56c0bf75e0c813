// A data folder is used with the database that has its rows and with no other; and a registry whose book is in PostgreSQL keeps it.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Registry } from '../../../cloud-bridge/registry/registry.ts';
import { RegistryConfig } from '../../../cloud-bridge/registry/registry-config.ts';
import { Vault } from '../../../cloud-bridge/vault/vault.ts';
import { VaultConfig } from '../../../cloud-bridge/vault/vault-config.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { signToken } from '../../../device/contract/jws.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { freePort } from '../../support/mosquitto.ts';
import { makeParty } from '../../support/parties.ts';
import { PostgresServer } from '../../support/postgres.ts';

const seams = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk(), log: silentLog() };
const all = temporaryFolder('belonging');
let server: PostgresServer;
let dataFolder: string;
let count = 0;
const fresh = () => {
  count += 1;
  return server.database(`belonging_${count}`);
};
beforeAll(async () => {
  server = await PostgresServer.open(await freePort());
}, 60_000);
afterAll(async () => {
  await server.dispose();
  all.dispose();
});
beforeEach(async () => {
  dataFolder = await mkdtemp(join(all.path, 'data-'));
});

/** Starts and stops a vault; returns why it did not start. */
async function ran(settings: object): Promise<unknown> {
  const vault = new Vault({ ...seams, config: VaultConfig.parse({ dataFolder, ...settings }) });
  try {
    await vault.start();
    return null;
  } catch (thrown) {
    return thrown;
  } finally {
    await vault.stop();
  }
}

it('a folder belongs to the database that has its rows, also after that was restored elsewhere from a dump', async () => {
  const [one, other] = [await fresh(), await fresh()];
  expect(await ran({ database: one })).toBeNull();
  // A file that a start with another database would have removed as orphaned.
  await mkdir(join(dataFolder, 'blobs', 'item-a'));
  const refusal = { code: 'database_unfit', retryable: false, message: expect.stringMatching(/database\.id/) };
  expect(await ran({ database: other })).toMatchObject(refusal);
  expect(await ran({})).toMatchObject(refusal);
  expect(existsSync(join(dataFolder, 'vault.sqlite'))).toBe(false);
  expect(existsSync(join(dataFolder, 'blobs', 'item-a'))).toBe(true);
  expect(await ran({ database: one })).toBeNull();
  const copy = `${new URL(one).pathname.slice(1)}_copy`;
  await server.ask(`create database ${copy} template ${new URL(one).pathname.slice(1)}`, 'postgres');
  expect(await ran({ database: server.socketUrl(copy) })).toBeNull();
});

it('a folder with rows in a SQLite file is refused with a database that has none of them', async () => {
  expect(await ran({})).toBeNull();
  const thrown = await ran({ database: await fresh() });
  expect(thrown).toMatchObject({ code: 'database_unfit', message: expect.stringMatching(/vault\.sqlite/) });
  expect(existsSync(join(dataFolder, 'database.id'))).toBe(false);
  expect(await ran({})).toBeNull();
});

it('a registry keeps its decisions over a restart and over a database that is down', async () => {
  const agency = makeParty('agency', seams.random);
  const config = RegistryConfig.parse({ dataFolder, database: await fresh(), domainProofs: [] });
  const domainProofs = [{ kind: 'local' as const, shows: async () => true as const }];
  let registry = new Registry({ ...seams, config, domainProofs });
  await registry.start();
  const iat = Math.floor(seams.clock.wallUs() / 1e6);
  const facts = {
    name: 'Springfield Police',
    jurisdiction: 'municipal',
    domain: 'springfield.example',
    retention: ['theft'],
    contact: { name: 'Records Desk', phone: '+1 217 555 0100' },
    profiles: ['nothing'],
  };
  const claims = { iss: agency.key.publicKey, aud: registry.id, iat, exp: iat + 60, jti: 'call-1', agency: agency.id };
  await registry.register(
    signToken('doorsill-agency+jws', { ...claims, call: { action: 'register', ...facts } }, agency.key),
  );
  await registry.approve(agency.id);
  await server.kill();
  await expect(registry.revoke(agency.id)).rejects.toMatchObject({ code: 'database_unreachable' });
  // The revocation failed, and no answer claims it.
  expect((await registry.agency(agency.id)).state).toBe('approved');
  await server.start();
  await expect.poll(() => registry.revoke(agency.id).then(({ state }) => state), { timeout: 10_000 }).toBe('revoked');
  await registry.stop();
  registry = new Registry({ ...seams, config, domainProofs });
  await registry.start();
  expect((await registry.agency(agency.id)).state).toBe('revoked');
  await expect(registry.credential(agency.id)).rejects.toMatchObject({ code: 'agency_revoked' });
  await registry.stop();
  for (const name of ['agencies.json', 'custody.sqlite']) expect(existsSync(join(dataFolder, name))).toBe(false);
  // In the other direction nothing is taken over either.
  rmSync(join(dataFolder, 'database.id'));
  writeFileSync(join(dataFolder, 'agencies.json'), '{}');
  await expect(registry.start()).rejects.toMatchObject({ code: 'database_unfit' });
});
