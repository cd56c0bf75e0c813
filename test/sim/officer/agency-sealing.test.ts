// An agency chooses who opens its clips; its own key is replaced without losing clips from before.
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { agencyId, loadAgencyKey } from '../../../sim/officer/agency-client.ts';
import { chooseSealing, ownSealing, readKeysIn, SEALING_KEYS_NAME } from '../../../sim/officer/agency-sealing.ts';
import { readAgencyStatus, rotateSealingKey } from '../../../sim/officer/agency-status.ts';
import { openSealedClip } from '../../../sim/officer/open-sealed-clip.ts';
import { applyToRegistry, DEMO_AGENCY, enterAgency, registerAgency } from '../../../sim/officer/registration.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { VaultFixture } from '../../support/vault-fixture.ts';
import { AS_CUT, encryptedClip, FACTS, TERMS } from './support/encrypted-clip.ts';

const folder = temporaryFolder('agency-sealing');
const at = (...names: string[]) => join(folder.path, ...names);
const random = new SystemRandom();
const deps = { clock: new SystemClock(), random, disk: new SystemDisk() };
const LOW_ORDER = toBase64url(new Uint8Array(32));

let fixture: BridgeFixture;
let where: Parameters<typeof enterAgency>[1];
beforeAll(async () => {
  fixture = await BridgeFixture.open();
  const { url, id } = fixture.registry;
  where = { registryUrl: url, registry: id, folder: join(fixture.folder, 'registry') };
});
afterAll(async () => {
  await fixture.close();
  folder.dispose();
});

/** An admitted agency with a key of its own, in a folder. */
async function admitted(name: string) {
  const place = at(name);
  const key = await loadAgencyKey(deps, place);
  const sealing = await ownSealing(deps, place);
  const domain = `${name}.example`;
  const contact = { ...DEMO_AGENCY.contact, email: `desk@${domain}` };
  await enterAgency(deps, where, key, { ...DEMO_AGENCY, name: `${name} Police`, domain, contact, sealing });
  return { key, id: agencyId(key), folder: place, sealing };
}

/** How clips for an agency are encrypted by its newest credential. */
async function credential(agency: string) {
  const status = await readAgencyStatus({ url: fixture.registry.url, key: fixture.registry.publicKey }, agency);
  if (status.state !== 'approved') throw new Error(status.detail);
  return status.credential;
}

describe('who opens clips', () => {
  /** A vault that answers this at /v1/vault. */
  async function withVault<Result>(answer: object, use: (vault: { url: string }) => Promise<Result>): Promise<Result> {
    const server = createServer((request, reply) => {
      reply.writeHead(request.url === '/v1/vault' ? 200 : 404, { 'content-type': 'application/json' });
      reply.end(JSON.stringify(answer));
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    try {
      return await use({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    } finally {
      server.close();
    }
  }
  const sealingKey = generateSealingKey(random).publicKey;

  it('is the vault where it can, else the agency, whose key stays the same and is readable for it alone', async () => {
    const of = { folder: at('chooses') };
    await withVault({ id: 'vault-1', key: 'A'.repeat(43), sealingKey }, async (vault) => {
      const byVault = { key: sealingKey, keeper: 'vault' };
      expect(await chooseSealing(deps, { ...of, vault })).toEqual(byVault);
      expect(await chooseSealing(deps, { ...of, vault, choice: 'vault' })).toEqual(byVault);
      expect(await readKeysIn(deps.disk, of.folder)).toEqual([]);
      const own = await chooseSealing(deps, { ...of, vault, choice: 'recipient' });
      const [pair] = await readKeysIn(deps.disk, of.folder);
      expect(own).toEqual({ key: pair?.publicKey, keeper: 'recipient' });
      expect(await chooseSealing(deps, { ...of, vault: null })).toEqual(own);
      expect(await chooseSealing(deps, { ...of, vault, choice: 'off' })).toBeNull();
    });
    await withVault({ id: 'vault-1', key: 'A'.repeat(43) }, async (vault) =>
      expect(await chooseSealing(deps, { ...of, vault })).toMatchObject({ keeper: 'recipient' }),
    );
    await expect(chooseSealing(deps, { ...of, vault: null, choice: 'vault' })).rejects.toMatchObject({ code: 'usage' });
    const out = { url: 'http://127.0.0.1:9' };
    await expect(chooseSealing(deps, { ...of, vault: out })).rejects.toMatchObject({ code: 'unreachable' });
    expect(await chooseSealing(deps, { ...of, vault: out, choice: 'off' })).toBeNull();
  });

  it('is the agency where its vault has nothing to say about it', async () => {
    const vault = await new VaultFixture(at('vault')).start();
    try {
      const { keeper } = (await chooseSealing(deps, { folder: at('beside'), vault: vault.setting() })) ?? {};
      expect(['vault', 'recipient']).toContain(keeper);
    } finally {
      await vault.stop();
    }
  });

  it('is refused with a key of low order', async () => {
    const key = await loadAgencyKey(deps, at('low'));
    const sealing = { key: LOW_ORDER, keeper: 'recipient' as const };
    await expect(applyToRegistry(deps, where, key, { ...DEMO_AGENCY, sealing })).rejects.toMatchObject({
      code: 'agency_sealing_key',
    });
  });
});

describe('a new key of an agency’s own', () => {
  it('is in the next credential, and the clips of former ones still open', async () => {
    const agency = await admitted('shelbyville');
    const before = await credential(agency.id);
    expect(before.sealing).toEqual(agency.sealing);
    const { live } = liveGrantFor({ ...TERMS, sealing: agency.sealing });
    const clip = await encryptedClip(folder.path, 'before', {}, { ...AS_CUT, live });
    const done = await rotateSealingKey(deps, where, agency);
    expect(done.keys).toBe(2);
    const after = await credential(agency.id);
    expect(after.sealing).toEqual({ key: done.key, keeper: 'recipient' });
    expect(after.revision).toBeGreaterThan(before.revision);
    expect([after.name, after.domain]).toEqual([before.name, before.domain]);
    const keys = await readKeysIn(deps.disk, agency.folder);
    expect(keys.map(({ publicKey }) => publicKey)).toEqual([done.key, agency.sealing.key]);
    const file = {
      sizeBytes: clip.bytes.length,
      read: async (from: number, length: number) => clip.bytes.subarray(from, from + length),
    };
    const report = { key: agency.key, bridge: 'bridge-1', send: async () => undefined };
    const opened = await openSealedClip(deps, file, clip.statement, { keys, report });
    expect(opened.contents.disclosed).toEqual(FACTS);
  });

  it('that an interrupted rotation has added is used; one after a lost file is new', async () => {
    const agency = await admitted('ogdenville');
    const nowhere = { ...where, registryUrl: 'http://127.0.0.1:9' };
    const [first] = await readKeysIn(deps.disk, agency.folder);
    await expect(rotateSealingKey(deps, nowhere, agency)).rejects.toMatchObject({ code: 'unreachable' });
    // The registry refuses the application: the key is added, and nobody has learnt of it.
    await expect(rotateSealingKey(deps, { ...where, registry: 'registry-other' }, agency)).rejects.toThrow();
    const added = await readKeysIn(deps.disk, agency.folder);
    expect(added).toHaveLength(2);
    expect(await rotateSealingKey(deps, where, agency)).toEqual({ key: added[0]?.publicKey, keys: 2 });
    rmSync(join(agency.folder, SEALING_KEYS_NAME));
    const { key, keys } = await rotateSealingKey(deps, where, agency);
    expect([keys, [first?.publicKey, added[0]?.publicKey].includes(key)]).toEqual([1, false]);
    expect((await credential(agency.id)).sealing?.key).toBe(key);
  });

  it('is not made for an agency whose clips its own key does not open', async () => {
    const key = await loadAgencyKey(deps, at('plain'));
    const domain = 'plain.example';
    const contact = { name: 'Desk', email: `a@${domain}` };
    const facts = { ...DEMO_AGENCY, name: 'Plain Police', domain, contact };
    await enterAgency(deps, where, key, facts);
    const agency = { key, id: agencyId(key), folder: at('plain') };
    const refused = async () => {
      await expect(rotateSealingKey(deps, where, agency)).rejects.toMatchObject({ code: 'usage' });
      expect(await readKeysIn(deps.disk, agency.folder)).toEqual([]);
    };
    await refused();
    const sealing = { key: generateSealingKey(random).publicKey, keeper: 'vault' as const };
    await enterAgency(deps, where, key, { ...facts, sealing });
    await refused();
  });
});

it('a testbed’s demo agency keeps what it has chosen when the testbed starts again', async () => {
  const key = await loadAgencyKey(deps, at('demo'));
  await registerAgency(deps, where, key);
  expect((await credential(agencyId(key))).sealing).toBeUndefined();
  const sealing = await ownSealing(deps, at('demo'));
  await registerAgency(deps, where, key, sealing);
  expect((await credential(agencyId(key))).sealing).toBeUndefined();
  await enterAgency(deps, where, key, { ...DEMO_AGENCY, sealing });
  await registerAgency(deps, where, key);
  expect((await credential(agencyId(key))).sealing).toEqual(sealing);
  expect(readFileSync(at('demo', SEALING_KEYS_NAME), 'utf8')).not.toContain(sealing.key);
});
