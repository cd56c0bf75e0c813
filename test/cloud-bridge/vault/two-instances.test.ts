// @module-tag long
// @module-tag postgresql
// @module-tag s3
// Two instances of a vault, one of them a process of its own, on one PostgreSQL database and one bucket act as one: they keep one clip,
// what one erases is gone at both, a reader at one is cut off by the other, and one that is killed loses nothing that was acknowledged.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { HTTP_LIMITS } from '../../../device/base/http/http-server.ts';
import { freePort } from '../../support/mosquitto.ts';
import { Moto } from '../../support/moto.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';
import { PostgresServer } from '../../support/postgres.ts';
import { slowReader } from '../../support/slow-reader.ts';
import { PartProcess } from '../../support/strace.ts';
import type { OfferedClip, VaultFixture } from '../../support/vault-fixture.ts';
import { sealedClip, sealingKeyOf } from '../support/sealed-clip.ts';
import { VaultRig } from '../support/vault-rig.ts';

const PATIENT = { timeout: 60_000 };
const readySchema = z.object({ url: z.string(), id: z.string(), key: z.string() });

let server: PostgresServer;
let moto: Moto;
let rig: VaultRig;
let vault: VaultFixture;
/** Of the secrets that both have. */
let secretsFolder = '';
let b: { part: PartProcess; url: string };
let shared: { database: string; s3: Awaited<ReturnType<Moto['bucket']>> };

async function startB(changes: object = {}): Promise<PartProcess> {
  const folder = join(rig.folder.path, 'b');
  await mkdir(folder, { recursive: true });
  const instance = { name: 'b', secretsFolder, drainS: 0 };
  await writeFile(
    join(folder, 'vault.json'),
    JSON.stringify({ ...shared, instance, freeBytesMin: 0, sweepEveryS: 1, ...changes }),
  );
  return new PartProcess(['vault', '--data', folder, '--port', '0']);
}

async function openB(): Promise<void> {
  const part = await startB();
  const line = await part.ready();
  if (!line) throw new Error(`the vault did not start: ${part.stderr}`);
  b = { part, url: readySchema.parse(line).url };
  expect(line).toMatchObject({ id: vault.vault.id, key: vault.vault.publicKey });
}

beforeAll(async () => {
  [server, moto] = await Promise.all([PostgresServer.open(await freePort()), Moto.open({ checking: false })]);
  process.env['AWS_SECRET_ACCESS_KEY'] = moto.secret;
  shared = { database: await server.database('vaults'), s3: await moto.bucket('evidence') };
  secretsFolder = await mkdtemp(join(tmpdir(), 'doorsill-vault-secrets-'));
  rig = await VaultRig.open('vaults', { ...shared, instance: { name: 'a', secretsFolder, drainS: 0 }, sweepEveryS: 1 });
  ({ vault } = rig);
  await openB();
}, 240_000);
afterAll(async () => {
  await b.part.stop('SIGKILL');
  await rig.close();
  await rm(secretsFolder, { recursive: true });
  await moto.close();
  await server.dispose();
});
beforeEach(() => at('a'));

/** Sends the next calls to this instance. */
function at(instance: 'a' | 'b'): void {
  vault.elsewhere = instance === 'a' ? null : b.url;
}

/** The objects of an item in the bucket. */
async function objects({ item }: OfferedClip): Promise<string[]> {
  const { text } = await moto.call('GET', `/${shared.s3.bucket}?list-type=2`);
  return [...text.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = '']) => key).filter((key) => key.includes(item));
}
const shown = (clip: OfferedClip) => vault.as(rig.officer, 'GET', `/evidence/${clip.item}/clip`);
const trail = async ({ item }: OfferedClip) =>
  (await server.ask(`select event from doorsill_vault.trail where item = '${item}' order by sequence`, 'vaults')).map(
    ({ event }) => event,
  );

it('receives at one what was offered at the other, and shows it at both', async () => {
  const clip = rig.clip();
  expect((await clip.offer()).body).toMatchObject({ state: 'open' });
  at('b');
  const held = await clip.bytes();
  expect(held.body).toMatchObject({ state: 'held' });
  at('a');
  expect((await clip.confirm()).body).toMatchObject({ state: 'confirmed' });
  for (const instance of ['a', 'b'] as const) {
    at(instance);
    const { status, bytes } = await shown(clip);
    expect([status, Buffer.from(bytes).equals(clip.parcel.clip)]).toEqual([200, true]);
  }
  expect(await trail(clip)).toEqual(['received', 'handed-over', 'downloaded', 'downloaded']);
}, 60_000);

it('opens at each what was encrypted to a key that the other has made, whole and in part, out of the bucket', async () => {
  const former = await sealingKeyOf(rig);
  at('b');
  expect(await sealingKeyOf(rig)).toBe(former);
  const added = String((await vault.operator('POST', '/v1/sealing-keys', {})).body['sealingKey']);
  at('a');
  expect(await sealingKeyOf(rig)).toBe(added);
  const plain = plainMp4({ frames: 30, audioPackets: 12, frameBytes: 300_000 });
  const { clip } = await sealedClip(rig, { plain, key: added });
  await clip.offer();
  const taken = await clip.bytes();
  expect(taken.body).toMatchObject({ state: 'held', verdict: expect.any(String) });
  at('b');
  expect((await clip.confirm()).body).toMatchObject({ state: 'confirmed', verdict: taken.body['verdict'] });
  for (const instance of ['a', 'b'] as const) {
    at(instance);
    expect(Buffer.from((await shown(clip)).bytes).equals(plain)).toBe(true);
    for (const start of [0, 5 * 1024 * 1024, plain.length - 100_000]) {
      const range = { range: `bytes=${start}-${start + 99_999}`, 'x-officer': 'Det. Rivera', 'x-reason': 'case 117' };
      const { status, bytes } = await vault.as(rig.officer, 'GET', `/evidence/${clip.item}/clip`, undefined, range);
      expect([status, Buffer.from(bytes).equals(plain.subarray(start, start + 100_000))]).toEqual([206, true]);
    }
  }
}, 60_000);

it('keeps one of two clips that come at once, with one acknowledgement, and nothing of either once it is revoked', async () => {
  const clip = rig.clip();
  await clip.offer();
  const sent = (['a', 'b'] as const).map((instance) => {
    at(instance);
    return clip.bytes();
  });
  const answers = await Promise.all(sent);
  expect(answers.map(({ body }) => body['state'])).toEqual(['held', 'held']);
  expect(answers[0]?.body['acknowledgement']).toBe(answers[1]?.body['acknowledgement']);
  expect(await trail(clip)).toEqual(['received']);
  await clip.confirm();
  at('b');
  expect((await clip.recall()).status).toBe(200);
  at('a');
  expect(await objects(clip)).toEqual([]);
  expect((await shown(clip)).status).toBe(409);
}, 60_000);

it('keeps nothing of what is withdrawn at one while the other receives it', async () => {
  const clip = rig.clip();
  await clip.offer();
  const half = Math.floor(clip.parcel.clip.length / 2);
  const { port } = new URL(vault.vault.url);
  const answered = new Promise<string>((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${clip.step('offer')}`,
      'content-type': 'application/offset+octet-stream',
      'content-length': clip.parcel.clip.length,
    };
    const sending = request({ port, method: 'PUT', path: `/v1/hand-overs/${clip.item}/clip`, headers }, (answer) => {
      let text = '';
      answer.on('data', (part: Buffer) => {
        text += part.toString();
      });
      answer.once('end', () => resolve(text));
    });
    sending.once('error', reject);
    sending.write(clip.parcel.clip.subarray(0, half));
    at('b');
    void clip.withdraw().then((withdrawn) => {
      expect(withdrawn.body).toMatchObject({ state: 'erased' });
      sending.end(clip.parcel.clip.subarray(half));
    }, reject);
  });
  expect(JSON.parse(await answered)).toMatchObject({ state: 'erased' });
  expect(await objects(clip)).toEqual([]);
  expect(await trail(clip)).toEqual(['withdrawn']);
}, 60_000);

it('ends a stalled download at one once the other has the recall of the clip', async () => {
  const big = plainMp4({ frames: 30, audioPackets: 12, frameBytes: 800_000 });
  const clip = await rig.clip(vault, big).handOver();
  const { token, agency } = rig.officer;
  const who = { authorization: `Bearer ${token}`, 'x-officer': 'Det. Rivera', 'x-reason': 'case 117' };
  const reading = await slowReader(`${vault.vault.url}/v1/agencies/${agency}/evidence/${clip.item}/clip`, who, 500_000);
  at('b');
  await reading.stalled();
  expect(reading.isOpen()).toBe(true);
  expect((await clip.recall()).status).toBe(200);
  // Long before the timeout that ends an idle connection.
  await expect.poll(() => reading.isOpen(), { timeout: HTTP_LIMITS.idleMs / 2 }).toBe(false);
  const { bytes } = await reading.rest();
  expect(bytes).toBeLessThan(big.length);
}, 90_000);

it('lets a link work once, at whichever instance', async () => {
  const clip = await rig.clip().handOver();
  const { pathname } = new URL(
    String((await vault.as(rig.officer, 'POST', `/evidence/${clip.item}/links`)).body['url']),
  );
  at('b');
  expect((await vault.send('GET', pathname, {})).status).toBe(200);
  at('a');
  expect((await vault.send('GET', pathname, {})).body).toMatchObject({ code: 'download_link_invalid' });
}, 60_000);

it('deletes once what is overdue, though both sweep', async () => {
  const deleted = async () => {
    const clip = await rig.clip().handOver();
    await server.ask(`update doorsill_vault.items set due_s = 1 where item = '${clip.item}'`, 'vaults');
    await expect.poll(() => trail(clip), PATIENT).toContain('deleted');
    return clip;
  };
  const clip = await deleted();
  // Both have swept again meanwhile.
  for (let count = 0; count < 3; count += 1) await deleted();
  expect((await trail(clip)).filter((event) => event === 'deleted')).toHaveLength(1);
}, 120_000);

it('rate-limits a caller that guesses secrets, by its calls at both together', async () => {
  const { client } = await vault.client(rig.officer.agency);
  const codes: unknown[] = [];
  for (let count = 0; count < 24; count += 1) {
    at(count % 2 ? 'a' : 'b');
    codes.push((await vault.token({ client, secret: 'wrong' })).status);
  }
  expect(codes.slice(20)).toEqual(Array(4).fill(429));
  expect(codes.slice(0, 20)).not.toContain(429);
}, 60_000);

it('loses nothing that was acknowledged when one is killed, and receives the clip that was not', async () => {
  const [kept, lost] = [rig.clip(), rig.clip()];
  at('b');
  await kept.handOver();
  await lost.offer();
  const sending = lost.bytes().catch(() => null);
  await b.part.stop('SIGKILL');
  await sending;
  at('a');
  expect((await shown(kept)).status).toBe(200);
  expect((await vault.send('GET', '/readyz', {})).body).toMatchObject({ checks: { database: 'ok', disk: 'ok' } });
  await lost.handOver();
  expect((await shown(lost)).status).toBe(200);
  await openB();
  at('b');
  expect((await shown(lost)).status).toBe(200);
  expect((await lost.recall()).status).toBe(200);
  expect(await objects(lost)).toEqual([]);
}, 120_000);

it('is refused to a second instance of the same name, and to a single vault', async () => {
  expect(await b.part.stop('SIGTERM')).toBe('status 0');
  for (const [changes, code] of [
    [{ instance: { name: 'a', secretsFolder } }, 'database_busy'],
    [{ instance: undefined }, 'database_busy'],
    [{ instance: { name: 'c', secretsFolder: join(rig.folder.path, 'others') } }, 'database_unfit'],
  ] as const) {
    const part = await startB(changes);
    await part.ended;
    expect(part.stderr).toContain(code);
  }
}, 120_000);
