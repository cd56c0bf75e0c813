// Of two bridge instances on one database and one bucket, one is killed at any time during an intake or a revocation; the device continues
// at the other. Nothing acknowledged is lost, no clip is duplicated, no revoked one stays, and the custody log stays one log that a witness
// cosigns.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Witness } from '../../../cloud-bridge/witness/witness.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { instancePlace, openBridgeAt } from '../../support/bridge-database.ts';
import type { Parcel } from '../../support/bridge-fixture.ts';
import { SharedGround } from '../../support/bridge-instances.ts';
import { BridgeProcesses } from '../../support/bridge-processes.ts';
import { proved } from '../../support/proved.ts';
import { wholeLog } from './bridge-rounds.ts';

let ground: SharedGround;
let both: BridgeProcesses;
let witness: Witness;
beforeAll(async () => {
  ground = await SharedGround.open();
  both = await BridgeProcesses.open(ground, { drainS: 0 });
  witness = new Witness({
    clock: new SystemClock(),
    random: both.fixture.random,
    disk: both.fixture.disk,
    log: silentLog(),
    folder: join(both.fixture.folder, 'witness'),
    bridgeUrl: both.b.url,
  });
  await witness.start();
}, 240_000);
afterAll(async () => {
  await both.close();
  await ground.close();
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What a device knows of its clip. */
interface Heard {
  /** The receipt, if it has been given. */
  receipt: unknown;
}

/** Continues an intake at the current instance; resolves once the clip is stored. */
async function bring(parcel: Parcel, heard: Heard): Promise<void> {
  const { fixture } = both;
  const opened = await fixture.openIntake(parcel);
  expect(opened.status, JSON.stringify(opened.body)).toBe(200);
  if (opened.body['state'] !== 'stored') {
    const asked = await fixture.tus('HEAD', `/v1/intakes/${parcel.grant}`, parcel);
    const known = asked.headers.get('location');
    const path = known ?? (await fixture.create(parcel));
    const half = Math.ceil(parcel.clip.length / 2);
    for (let at = known ? Number(asked.headers.get('upload-offset')) : 0; at < parcel.clip.length; ) {
      const sent = await fixture.patch(parcel, path, at, parcel.clip.subarray(at, at + half));
      expect(sent.status, JSON.stringify(sent.body)).toBe(204);
      at = Math.min(parcel.clip.length, at + half);
    }
  }
  const { status, body } = await fixture.status(parcel);
  expect([status, body['state']]).toEqual([200, 'stored']);
  heard.receipt = body['receipt'];
}

/** The clip at one instance: its receipt, and its bytes as the agency downloads them. */
async function shownAt(url: string, parcel: Parcel) {
  const { fixture } = both;
  fixture.elsewhere = url;
  const { body } = await fixture.status(parcel);
  const headers = { authorization: `Bearer ${fixture.access(parcel.clipId)}` };
  const clip = await fetch(`${url}/v1/clips/${parcel.clipId}`, { headers });
  return { state: body['state'], receipt: body['receipt'], sha256: sha256(new Uint8Array(await clip.arrayBuffer())) };
}

/** One clip, with `a` killed at this piece of its output; resolves with whether that happened before the clip was stored. */
async function round(at: 'database' | 'bucket', piece: number): Promise<boolean> {
  const { fixture, a, b } = both;
  const parcel = fixture.parcel(both.request);
  const heard: Heard = { receipt: null };
  a.killAt(piece, at);
  both.at(a);
  const reached = await bring(parcel, heard).then(
    () => true,
    (thrown: unknown) => {
      if (!(thrown instanceof TypeError)) throw thrown;
      return false;
    },
  );
  if (!reached) expect(await a.process?.ended).toBe('SIGKILL');
  // The device uses the other instance, as through a proxy.
  both.at(b);
  const other: Heard = { receipt: null };
  await bring(parcel, other);
  if (heard.receipt !== null) expect(other.receipt).toBe(heard.receipt);
  await witness.look();
  if (reached) await a.end('SIGKILL');
  await a.start();
  const expected = { state: 'stored', receipt: other.receipt, sha256: sha256(parcel.clip) };
  expect(await shownAt(a.url, parcel)).toEqual(expected);
  expect(await shownAt(b.url, parcel)).toEqual(expected);
  expect(await a.staged()).toEqual([]);
  stored.push(parcel);
  return !reached;
}

/** Revokes a stored clip at `a`, which is killed at this piece; resolves with whether that happened before its answer. */
async function takeBack(at: 'database' | 'bucket', piece: number): Promise<boolean> {
  const { fixture, a, b } = both;
  const parcel = fixture.parcel(both.request);
  both.at(b);
  await bring(parcel, { receipt: null });
  a.killAt(piece, at);
  both.at(a);
  const isAnswered = await fixture.revoke(parcel).then(
    ({ body }) => body['state'] === 'deleted',
    (thrown: unknown) => {
      if (!(thrown instanceof TypeError)) throw thrown;
      return false;
    },
  );
  if (isAnswered) await a.end('SIGKILL');
  else expect(await a.process?.ended).toBe('SIGKILL');
  both.at(b);
  // What was acknowledged holds without another request.
  if (isAnswered) expect((await fixture.status(parcel)).body).toMatchObject({ state: 'deleted' });
  expect((await fixture.revoke(parcel)).body).toMatchObject({ state: 'deleted' });
  const seen = await fixture.get(`/v1/clips/${parcel.clipId}`, fixture.access(parcel.clipId));
  expect(seen.status).toBeGreaterThanOrEqual(400);
  await a.start();
  both.at(a);
  expect((await fixture.status(parcel)).body).toMatchObject({ state: 'deleted' });
  gone.stored += 1;
  gone.all += 1;
  return !isAnswered;
}

const stored: Parcel[] = [];
/** Numbers of revoked clips: those that had been stored, and all. */
const gone = { stored: 0, all: 0 };

/** No duplicates, no objects without a row, and every event once in the log. */
async function agreed(): Promise<void> {
  // Unreferenced objects are swept periodically; a start does it when due.
  await ground.postgres.ask(`update doorsill_bridge.turns set done_s = 0`, both.database);
  await both.a.end();
  await both.a.start();
  const { text } = await ground.moto.call('GET', `/${both.bucket}`);
  const objects = [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, name = '']) => name.split('/')[0]);
  expect(objects.sort()).toEqual(['bridge.txt', ...stored.map(({ clipId }) => clipId)].sort());
  const database = await openBridgeAt(instancePlace(ground.postgres.socketUrl(both.database), 'looker'));
  const leaves = await wholeLog(database.custody);
  await database.close();
  const told = (kind: string) => leaves.filter(({ entry }) => JSON.parse(entry).kind === kind).length;
  expect([told('intake'), told('deletion')]).toEqual([stored.length + gone.stored, gone.all]);
  expect((await witness.look()).size).toBeGreaterThanOrEqual(leaves.length);
}

/** Number of pieces of an undisturbed intake. */
async function piecesOf(at: 'database' | 'bucket'): Promise<number> {
  const parcel = both.fixture.parcel(both.request);
  both.at(both.a);
  const pieces = both.a.countPieces(at);
  await bring(parcel, { receipt: null });
  stored.push(parcel);
  return pieces();
}

it.each([
  { at: 'database', rounds: 8 },
  { at: 'bucket', rounds: 3 },
] as const)(
  'killed while it speaks to its $at, one loses nothing and doubles nothing',
  async ({ at, rounds }) => {
    const pieces = await piecesOf(at);
    let killed = 0;
    for (let turn = 0; turn < rounds; turn += 1) {
      if (await round(at, 1 + Math.floor((turn * pieces) / rounds))) killed += 1;
    }
    await agreed();
    expect(killed).toBeGreaterThan(rounds / 2);
  },
  900_000,
);

it.each([
  { at: 'database', rounds: 5 },
  { at: 'bucket', rounds: 2 },
] as const)(
  'killed while it takes a clip back, speaking to its $at, one leaves nothing to be seen',
  async ({ at, rounds }) => {
    let killed = 0;
    for (let turn = 0; turn < rounds; turn += 1) if (await takeBack(at, 1 + turn * 3)) killed += 1;
    await agreed();
    expect(killed).toBeGreaterThan(0);
  },
  900_000,
);

it('that restarts erases the staged part of a clip revoked meanwhile before it serves', async (test) => {
  const { fixture, a, b } = both;
  const parcel = fixture.parcel(both.request);
  both.at(a);
  await fixture.openIntake(parcel);
  await fixture.patch(parcel, await fixture.create(parcel), 0, parcel.clip.subarray(0, 100));
  await a.end('SIGKILL');
  expect(await a.staged()).toHaveLength(1);
  both.at(b);
  expect((await fixture.revoke(parcel)).body).toMatchObject({ state: 'deleted' });
  await a.start();
  expect(await a.staged()).toEqual([]);
  both.at(a);
  expect((await fixture.status(parcel)).body).toMatchObject({ state: 'deleted' });
  expect((await fixture.openIntake(parcel)).body).toMatchObject({ code: 'intake_revoked' });
  gone.all += 1;
  await agreed();
  proved(test, 'clips brought in over kills of one of two instances', `${stored.length}, 0 lost, 0 twice`);
}, 240_000);
