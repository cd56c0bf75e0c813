// A leaf and its event are written together or not at all, no leaf is ever removed, and a proof reads few rows.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import { Custody } from '../../../cloud-bridge/custody/custody-proofs.ts';
import type { CustodyStore } from '../../../cloud-bridge/custody/custody-store.ts';
import { pseudonymOf } from '../../../cloud-bridge/custody/event-commitment.ts';
import { completedBy } from '../../../cloud-bridge/custody/merkle-spans.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { generateSigningKey, sha256, sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { fromHex, toHex, utf8 } from '../../../device/contract/bytes.ts';
import { isConsistent, leafHash, nodeHash, rootOfInclusion } from '../../../device/contract/merkle.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { proved } from '../../support/proved.ts';
import { Sqlite } from '../../support/sqlite.ts';
import { PLENTY, storedRequest } from '../../support/stored-request.ts';
import { enrolDevice, key, limits, plainAccess, plainIntake, SEALED, TAKEN } from '../support/plain-rows.ts';

const request = storedRequest();
const intake = plainIntake({ manifestSha256: sha256Hex('m'), vault: 'v' });
const access = plainAccess();

let folder: string;
let path: string;
let database: Database;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-custody-'));
  path = join(folder, 'bridge.sqlite');
  database = await openBridgeDatabase(path);
  await enrolDevice(database);
});
afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

/** Runs statements on the same file, as anyone with access to it could. */
function tamper(...statements: string[]): void {
  const file = new Sqlite(path);
  for (const statement of statements) file.prepare(statement).run();
  file.close();
}

const REFUSE = `create trigger refuse before insert on custody_nodes begin select raise(abort, 'no leaf'); end`;

describe('an event whose leaf cannot be written', () => {
  const post = () => database.requests.add(request, PLENTY);
  const resolve = () =>
    database.requests.change('request-a', ({ state }) => (state === 'resolved' ? null : { state: 'resolved' }), PLENTY);
  const publish = () =>
    database.intakes.publish(
      key,
      { receipt: 'r', statementReceipt: 'twin', storedS: 5, vault: 'v' },
      () => undefined,
      async () => undefined,
    );
  const word = { revocation: 'revocation', pairing: null, homeRecall: null };
  const revoke = () =>
    database.intakes.revoke({ ...key, ownerKey: 'o', grantSha256: 'g', receipt: 'deleted-receipt' }, 1, 10, word);

  it('is rolled back: a request, its end, an intake, a refusal, a revocation, an access, a list', async () => {
    tamper(REFUSE);
    await expect(post()).rejects.toThrow('no leaf');
    expect(await database.requests.find('request-a')).toBeNull();
    await expect(database.documents.saveRevocations('list', 3)).rejects.toThrow('no leaf');
    expect(await database.documents.loadRevocations()).toBeNull();
    await expect(database.accessLog.add(access)).rejects.toThrow('no leaf');
    expect(await database.accessLog.page({ reader: null, clip: null, after: 0, most: 9 })).toEqual([]);

    tamper('drop trigger refuse');
    await post();
    await database.intakes.open(intake, SEALED, limits, 0);
    tamper(REFUSE);
    await expect(resolve()).rejects.toThrow('no leaf');
    expect(await database.requests.find('request-a')).toMatchObject({ state: 'published' });
    await expect(publish()).rejects.toThrow('no leaf');
    await expect(database.intakes.drop(key, 'intake_structure', 'r')).rejects.toThrow('no leaf');
    await expect(revoke()).rejects.toThrow('no leaf');
    expect(await database.intakes.find(key)).toMatchObject({ state: 'open', receipt: null });
    expect(await database.intakes.findRevoked(key)).toBeNull();
    expect(await database.custody.size()).toBe(1);

    tamper('drop trigger refuse');
    expect(await publish()).toBe(true);
    expect(await database.custody.leafOf(sha256Hex('r'))).toBe(1);
  });

  it('is rolled back when it is a hand-over, a recall or its answer', async () => {
    await post();
    await database.intakes.open(intake, SEALED, limits, 0);
    await publish();
    await database.handOvers.offered(key, 'item-a');
    const handOver = () => database.handOvers.handedOver(key, TAKEN, 6);
    const revoked = { ...key, ownerKey: 'o', grantSha256: 'g', receipt: 'deleted-receipt' };
    const answer = () => database.handOvers.recalled(revoked, { decision: 'erased', token: 'answer' }, 7);
    tamper(REFUSE);
    await expect(handOver()).rejects.toThrow('no leaf');
    expect(await database.intakes.find(key)).toMatchObject({ state: 'stored', statement: 's' });
    tamper('drop trigger refuse');
    expect(await handOver()).toBe(true);
    tamper(REFUSE);
    await expect(revoke()).rejects.toThrow('no leaf');
    expect(await database.handOvers.job(key)).toMatchObject({ state: 'handed-over' });
    tamper('drop trigger refuse');
    expect(await revoke()).toMatchObject({ done: 'recall' });
    expect(await revoke()).toMatchObject({ done: 'recall' });
    tamper(REFUSE);
    await expect(answer()).rejects.toThrow('no leaf');
    expect(await database.intakes.findRevoked(key)).toBeNull();
    tamper('drop trigger refuse');
    await answer();
    await answer();
    const told = (await database.custody.entries(0, 99)).map(({ entry }) => JSON.parse(entry).kind);
    expect(told).toEqual(['request', 'intake', 'hand-over', 'recall', 'recall', 'deletion']);
    expect(await database.custody.leafOf(sha256Hex('deleted-receipt'))).toBe(5);
  });

  it('no leaf is written for an event that was refused or had happened before', async () => {
    await post();
    await post();
    await database.intakes.open(intake, SEALED, limits, 0);
    const refuse = () => {
      throw new Error('refused');
    };
    const stored = { receipt: 'r', statementReceipt: 'twin', storedS: 5, vault: null };
    await expect(database.intakes.publish(key, stored, refuse, async () => undefined)).rejects.toThrow('refused');
    const fail = () => Promise.reject(new Error('disk'));
    await expect(database.intakes.publish(key, stored, () => undefined, fail)).rejects.toThrow('disk');
    expect(await database.custody.size()).toBe(1);
    await revoke();
    await revoke();
    expect(await database.intakes.drop(key, 'intake_structure', 'r')).toBe(false);
    await resolve();
    await resolve();
    await database.documents.saveRevocations('list', 3);
    await database.documents.saveRevocations('the same list signed anew', 3);
    const told = (await database.custody.entries(0, 99)).map(({ entry }) => JSON.parse(entry).kind);
    expect(told).toEqual(['request', 'deletion', 'request', 'revocations']);
  });
});

it('refuses to delete or change a leaf, even by hand', async () => {
  await database.accessLog.add(access);
  for (const statement of [
    'delete from custody_leaves',
    `update custody_leaves set entry = '{}'`,
    'update custody_leaves set leaf = 9',
    'delete from custody_nodes',
    `update custody_nodes set hash = x'00'`,
  ]) {
    expect(() => tamper(statement), statement).toThrow('append-only');
  }
});

it('gives a device a different pseudonym under each grant and at each bridge', () => {
  const [one, other] = [new SystemRandom().bytes(32), new SystemRandom().bytes(32)];
  const names = [
    pseudonymOf(key, one),
    pseudonymOf({ ...key, grant: 'grant-b' }, one),
    pseudonymOf({ ...key, device: 'device-b' }, one),
    pseudonymOf(key, other),
  ];
  expect(new Set(names).size).toBe(4);
  expect(pseudonymOf(key, one)).toBe(names[0]);
});

const LEAVES = 100_000;

/** Fills the tree as appending would, in one step. No proof reads the leaves themselves, so the row of the last one is enough. */
function fill(leaves: number): void {
  const file = new Sqlite(path);
  file.prepare(`insert into custody_leaves (leaf, entry) values (?, '')`).run(leaves - 1);
  const row = file.prepare('insert into custody_nodes values (?, ?, ?)');
  /** The newest complete subtree of each level. */
  const newest: Uint8Array[] = [];
  file.transaction(() => {
    for (let leaf = 0; leaf < leaves; leaf += 1) {
      let hash = leafHash(utf8(`leaf ${leaf}`), sha256);
      row.run(0, leaf, hash);
      for (const { level, at } of completedBy(leaf)) {
        hash = nodeHash(newest[level - 1] ?? new Uint8Array(), hash, sha256);
        row.run(level, at, hash);
      }
      newest[completedBy(leaf).length] = hash;
    }
  })();
  file.close();
}

it('reads O(log n) rows for a proof and for the next leaf', async (test) => {
  fill(LEAVES);
  let reads = 0;
  const store: CustodyStore = Object.assign(Object.create(database.custody), {
    subtree: (of: { level: number; at: number }) => {
      reads += 1;
      return database.custody.subtree(of);
    },
  });
  const custody = new Custody({
    clock: new SystemClock(),
    key: generateSigningKey(new SystemRandom()),
    store,
    witnesses: [],
  });
  const bytes = (hex: string) => fromHex(hex) ?? new Uint8Array();
  const rootOf = async () => {
    const claims: { size: number; root: string } = JSON.parse(
      Buffer.from((await custody.head()).head.split('.')[1] ?? '', 'base64url').toString(),
    );
    return { size: claims.size, root: bytes(claims.root) };
  };
  const now = await rootOf();
  expect(now.size).toBe(LEAVES);
  let most = 0;
  for (const leaf of [0, 1, 65_535, 65_536, 77_777, 98_303, 98_304, LEAVES - 2, LEAVES - 1]) {
    reads = 0;
    const { path: hexes } = await custody.inclusion(leaf);
    most = Math.max(most, reads);
    const hash = leafHash(utf8(`leaf ${leaf}`), sha256);
    const root = rootOfInclusion({ leaf, size: LEAVES, path: hexes.map(bytes) }, hash, sha256);
    expect(root && toHex(root)).toBe(toHex(now.root));
  }
  await database.accessLog.add(access);
  const after = await rootOf();
  expect(after.size).toBe(LEAVES + 1);
  reads = 0;
  const { path: grown } = await custody.consistency(LEAVES, LEAVES + 1);
  most = Math.max(most, reads);
  expect(isConsistent(now, after, grown.map(bytes), sha256)).toBe(true);
  expect(most).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(LEAVES)));
  proved(test, `reads of a proof in a log of ${LEAVES} leaves`, `${most} at most`);
});
