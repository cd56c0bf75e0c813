// A bridge and a vault with rows in PostgreSQL and evidence in a bucket work as on their own disks, and lose nothing when either is down,
// lies, or is lost in the middle of a commit.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { itemId, itemIdText } from '../../../device/contract/hand-over-documents.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { type CountingProxy, startCountingProxy } from '../../support/counting-proxy.ts';
import { LyingProxy } from '../../support/lying-proxy.ts';
import { freePort } from '../../support/mosquitto.ts';
import { Moto } from '../../support/moto.ts';
import { PASSWORD, PostgresServer } from '../../support/postgres.ts';
import { type Officer, VaultFixture } from '../../support/vault-fixture.ts';

const folder = temporaryFolder('elsewhere');
let postgres: PostgresServer;
let wire: CountingProxy;
let moto: Moto;
let proxy: LyingProxy;
let vault: VaultFixture;
let fixture: BridgeFixture;
let officer: Officer;
let request: string;

/** A disk that runs a callback at the move that publishes a clip. */
class WatchedDisk extends SystemDisk {
  shown: (() => void) | null = null;

  override async rename(from: string, to: string): Promise<void> {
    await super.rename(from, to);
    if (join(to, '..').endsWith('/clips')) this.shown?.();
  }
}
const disk = new WatchedDisk();

beforeAll(async () => {
  postgres = await PostgresServer.open(await freePort());
  wire = await startCountingProxy(postgres.port);
  moto = await Moto.open({ checking: false });
  proxy = await LyingProxy.open(moto.port);
  const secretFile = join(folder.path, 'secret');
  writeFileSync(secretFile, moto.secret, { mode: 0o600 });
  const passwordFile = join(folder.path, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  await postgres.database('doorsill');
  const rows = { database: postgres.url('doorsill', '').replace(':@', '@'), databasePasswordFile: passwordFile };
  vault = await new VaultFixture(join(folder.path, 'vault'), {
    ...rows,
    s3: { ...(await moto.bucket('evidence', proxy.url)), secretFile, answerSMax: 2 },
  }).start();
  fixture = await BridgeFixture.open({
    bridge: {
      ...rows,
      // Through a proxy that can hold an answer back.
      database: rows.database.replace(`:${postgres.port}/`, `:${wire.port}/`),
      vault: vault.setting(),
      intake: { freeBytesMin: 0 },
    },
  });
  await vault.pin(fixture.cast.bridge);
  officer = await vault.officer(fixture.cast.agency.id);
  request = await fixture.ready();
}, 90_000);
afterAll(async () => {
  await fixture.close();
  await vault.stop();
  await proxy.close();
  await moto.close();
  await wire.stop();
  await postgres.dispose();
  folder.dispose();
});

const itemOf = ({ clipId }: Parcel) => itemId(sha256Hex(itemIdText(fixture.cast.bridge.id, clipId)));
const atBridge = () => readdirSync(join(fixture.bridgeFolder, 'clips'));
const handedOver = async (parcel: Parcel) => {
  const seen = async () => (await vault.as(officer, 'GET', `/evidence/${itemOf(parcel)}`)).status;
  await expect.poll(seen, { timeout: 20_000 }).toBe(200);
  await expect.poll(atBridge).toEqual([]);
  return Buffer.from((await vault.as(officer, 'GET', `/evidence/${itemOf(parcel)}/clip`)).bytes);
};
const inBucket = async (parcel: Parcel) =>
  new RegExp(`<Key>${itemOf(parcel)}/[^<]+[.]mp4<`).test((await moto.call('GET', `/evidence?list-type=2`)).text);

it('a clip goes from a device to an officer, and is removed from the bucket when its owner revokes', async () => {
  const parcel = fixture.parcel(request);
  expect((await fixture.deliver(parcel)).status).toBe(204);
  expect(await handedOver(parcel)).toEqual(Buffer.from(parcel.clip));
  expect(await inBucket(parcel)).toBe(true);
  expect(readdirSync(join(folder.path, 'vault'))).not.toContain('vault.sqlite');
  expect(readdirSync(fixture.bridgeFolder)).not.toContain('bridge.sqlite');
  expect((await fixture.revoke(parcel)).body).toMatchObject({ state: 'deleted' });
  expect(await inBucket(parcel)).toBe(false);
});

it('a bucket that lies does not make the bridge delete its copy', async () => {
  const parcel = fixture.parcel(request);
  let lies = 0;
  proxy.lies = {
    onRequest: (one) => {
      if (one.method !== 'PUT') return one;
      lies += 1;
      return { status: 200, headers: { etag: '"x"' }, body: Buffer.alloc(0) };
    },
  };
  await fixture.deliver(parcel);
  await expect.poll(() => lies, { timeout: 10_000 }).toBeGreaterThan(2);
  expect(atBridge()).toEqual([parcel.clipId]);
  proxy.lies = {};
  expect(await handedOver(parcel)).toEqual(Buffer.from(parcel.clip));
});

it('a withdrawal while the bytes are being sent to the bucket leaves none there', async () => {
  const parcel = fixture.parcel(request);
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const seen: string[] = [];
  const manifestIsThere = new RegExp(`^PUT /evidence/${itemOf(parcel)}/[^/]+[.]jws is there$`);
  proxy.lies = {
    onRequest: async (one) => {
      seen.push(`${one.method} ${one.path}`);
      if (one.method === 'PUT' && one.path.endsWith('.mp4')) await held;
      return one;
    },
    onAnswer: (one, answer) => {
      if (one.method === 'PUT') seen.push(`${one.method} ${one.path} is there`);
      return answer;
    },
  };
  await fixture.deliver(parcel);
  await expect.poll(() => seen.some((one) => one.startsWith('PUT'))).toBe(true);
  expect((await fixture.revoke(parcel)).body).toMatchObject({ state: 'deleted' });
  letGo();
  await expect.poll(() => seen.some((one) => manifestIsThere.test(one))).toBe(true);
  await expect.poll(() => inBucket(parcel), { timeout: 5_000 }).toBe(false);
  proxy.lies = {};
});

it('overdue evidence counts as destroyed once the bucket has really deleted it, and does not hold up other items', async () => {
  const parcels = [fixture.parcel(request), fixture.parcel(request)];
  for (const parcel of parcels) {
    await fixture.deliver(parcel);
    await handedOver(parcel);
    expect((await vault.as(officer, 'DELETE', `/evidence/${itemOf(parcel)}`)).status).toBe(200);
  }
  const deletes: string[] = [];
  proxy.lies = {
    onRequest: (one) => {
      if (one.method !== 'DELETE') return one;
      deletes.push(one.path);
      return { status: 204, headers: {}, body: Buffer.alloc(0) };
    },
  };
  vault.clock.shiftS = 8 * 24 * 3600;
  await vault.vault.sweepNow();
  for (const parcel of parcels) {
    expect(deletes.some((path) => path.includes(itemOf(parcel)))).toBe(true);
    expect(await inBucket(parcel)).toBe(true);
  }
  proxy.lies = {};
  await vault.vault.sweepNow();
  for (const parcel of parcels) expect(await inBucket(parcel)).toBe(false);
  vault.clock.shiftS = 0;
});

it('a database that is down is reported, and work continues when it is back', async () => {
  const parcel = fixture.parcel(request);
  await fixture.openIntake(parcel);
  await postgres.kill();
  for (const answer of [
    await fixture.openIntake(fixture.parcel(request)),
    await vault.as(officer, 'GET', '/evidence'),
  ]) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'database_unreachable' } });
    expect(JSON.stringify(answer.body)).not.toContain(PASSWORD);
  }
  await postgres.start();
  await expect.poll(async () => (await fixture.deliver(parcel)).status, { timeout: 20_000 }).toBe(204);
  expect(await handedOver(parcel)).toEqual(Buffer.from(parcel.clip));
}, 60_000);

it('a clip that waits for the vault is handed over by itself, although the database was down when it was looked up', async () => {
  const parcel = fixture.parcel(request);
  await vault.stop();
  await fixture.deliver(parcel);
  await postgres.kill();
  // Several times the wait between two tries of a hand-over.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await postgres.start();
  await vault.start();
  await expect.poll(() => inBucket(parcel), { timeout: 10_000 }).toBe(true);
  expect(await handedOver(parcel)).toEqual(Buffer.from(parcel.clip));
}, 60_000);

it('a clip whose commit was made, although the answer was lost, is shown', async () => {
  const parcel = fixture.parcel(request);
  disk.shown = () => {
    wire.holdAnswers = true;
  };
  fixture.bridgeDisk = disk;
  await fixture.bridge.stop();
  await fixture.startBridge();
  const delivered = fixture.deliver(parcel);
  const state = async () =>
    (
      await postgres.ask(`select state from doorsill_bridge.intakes where grant_id = '${parcel.grant}'`, 'doorsill')
    )[0]?.['state'];
  await expect.poll(state, { timeout: 20_000 }).toBe('stored');
  wire.cut();
  wire.holdAnswers = false;
  disk.shown = null;
  expect((await delivered).status).toBe(503);
  expect(atBridge()).toEqual([]);
  // The next sweep finds it hidden, and it is handed over to the vault.
  await expect.poll(() => inBucket(parcel), { timeout: 50_000 }).toBe(true);
  expect(await handedOver(parcel)).toEqual(Buffer.from(parcel.clip));
}, 90_000);
