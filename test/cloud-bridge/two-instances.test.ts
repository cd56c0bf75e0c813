// @module-tag long
// @module-tag postgresql
// @module-tag s3
// Two instances of a bridge on one PostgreSQL server and one bucket act as one bridge: intake, reading, publishing, revocation, custody
// log.
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HTTP_LIMITS } from '../../device/base/http/http-server.ts';
import { BridgeFixture } from '../support/bridge-fixture.ts';
import { Instances, SharedGround } from '../support/bridge-instances.ts';
import { plainMp4 } from '../support/plain-mp4.ts';
import { slowReader } from '../support/slow-reader.ts';

let ground: SharedGround;
beforeAll(async () => {
  ground = await SharedGround.open();
}, 120_000);
afterAll(() => ground.close());

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
}, 60_000);
async function open(settings?: Parameters<typeof Instances.open>[1]) {
  const instances = await Instances.open(ground, settings);
  opened.push(instances);
  return instances;
}
const PATIENT = { timeout: 60_000 };

describe('two instances', () => {
  it('act as one bridge: one shows, byte for byte, what the other took in, and both have the same log', async () => {
    const instances = await open();
    const { fixture } = instances;
    const request = await instances.ready();
    expect(instances.b.id).toBe(fixture.bridge.id);
    const parcel = fixture.parcel(request);
    expect((await fixture.deliver(parcel)).status).toBe(204);
    instances.at('b');
    expect((await fixture.status(parcel)).body).toMatchObject({ state: 'stored' });
    const shown = await fetch(`${instances.b.url}/v1/clips/${parcel.clipId}`, {
      headers: { authorization: `Bearer ${fixture.access(parcel.clipId)}` },
    });
    expect(Buffer.from(await shown.arrayBuffer()).equals(parcel.clip)).toBe(true);
    const leaves = async () => (await fixture.get('/v1/custody/entries')).body['entries'];
    const atB = await leaves();
    instances.at('a');
    expect(await leaves()).toEqual(atB);
    expect(await instances.staged('a')).toEqual([]);
  });

  it('start an upload over at the instance that is called, and erase what the other had staged', async () => {
    const instances = await open();
    const { fixture } = instances;
    const parcel = fixture.parcel(await instances.ready());
    await fixture.openIntake(parcel);
    const atA = await fixture.create(parcel);
    expect(atA).toMatch(/^\/v1\/uploads\/upload-a-/);
    expect((await fixture.patch(parcel, atA, 0, parcel.clip.subarray(0, 100))).status).toBe(204);
    instances.at('b');
    // It has none of the bytes and must not report any.
    const head = await fixture.tus('HEAD', `/v1/intakes/${parcel.grant}`, parcel);
    expect([head.headers.get('location'), head.headers.get('upload-offset')]).toEqual([null, '0']);
    expect((await fixture.tus('HEAD', atA, parcel)).status).toBe(410);
    const atB = await fixture.create(parcel);
    expect(atB).toMatch(/^\/v1\/uploads\/upload-b-/);
    instances.at('a');
    expect((await fixture.patch(parcel, atA, 100, parcel.clip.subarray(100))).status).toBe(404);
    await expect.poll(() => instances.staged('a'), PATIENT).toEqual([]);
    instances.at('b');
    expect((await fixture.patch(parcel, atB, 0, parcel.clip)).status).toBe(204);
    expect((await fixture.status(parcel)).body).toMatchObject({ state: 'stored' });
  });

  it('revoke at one what the other has staged or stored: no byte of it is left anywhere', async () => {
    const instances = await open();
    const { fixture } = instances;
    const request = await instances.ready();
    const [staged, stored] = [fixture.parcel(request), fixture.parcel(request)];
    await fixture.openIntake(staged);
    const path = await fixture.create(staged);
    await fixture.patch(staged, path, 0, staged.clip.subarray(0, 100));
    expect((await fixture.deliver(stored)).status).toBe(204);
    instances.at('b');
    for (const parcel of [staged, stored]) {
      expect((await fixture.revoke(parcel)).body).toMatchObject({ state: 'deleted' });
    }
    instances.at('a');
    expect((await fixture.status(stored)).body).toMatchObject({ state: 'deleted' });
    await expect.poll(() => instances.staged('a'), PATIENT).toEqual([]);
    const { text } = await ground.moto.call('GET', `/${instances.bucket}`);
    expect(text.match(/<Key>[^<]*<\/Key>/g)).toEqual(['<Key>bridge.txt</Key>']);
  });

  it('end a stalled download at one once the other has its revocation', async () => {
    const instances = await open();
    const { fixture } = instances;
    // More than the buffers of two kernels hold.
    const clip = plainMp4({ frames: 30, audioPackets: 12, frameBytes: 800_000 });
    const parcel = fixture.parcel(await instances.ready(), { clip });
    expect((await fixture.deliver(parcel)).status).toBe(204);
    const who = { authorization: `Bearer ${fixture.access(parcel.clipId)}` };
    const reading = await slowReader(`${fixture.bridge.url}/v1/clips/${parcel.clipId}`, who, 500_000);
    instances.at('b');
    await reading.stalled();
    expect(reading.isOpen()).toBe(true);
    expect((await fixture.revoke(parcel)).body).toMatchObject({ state: 'deleted' });
    // Long before the timeout that ends an idle connection.
    await expect.poll(() => reading.isOpen(), { timeout: HTTP_LIMITS.idleMs / 2 }).toBe(false);
    await reading.rest();
  }, 90_000);

  it('append to one log without a gap or a repeated leaf when both are written to at once', async () => {
    const instances = await open();
    const { fixture } = instances;
    const parcel = fixture.parcel(await instances.ready());
    await fixture.deliver(parcel);
    const urls = [fixture.bridge.url, instances.b.url];
    const leaves = async () => {
      const asked = 'select leaf from doorsill_bridge.custody_leaves order by leaf';
      return (await ground.postgres.ask(asked, instances.database)).map(({ leaf }) => Number(leaf));
    };
    const before = (await leaves()).length;
    const look = async (at: number) => {
      const headers = { authorization: `Bearer ${fixture.access(parcel.clipId)}` };
      return (await fetch(`${urls[at % 2]}/v1/clips/${parcel.clipId}/manifest`, { headers })).status;
    };
    const answers = await Promise.all(Array.from({ length: 60 }, (_, at) => look(at)));
    expect(new Set(answers)).toEqual(new Set([200]));
    expect(await leaves()).toEqual(Array.from({ length: before + 60 }, (_, at) => at));
    // Each head continues the one before it, whichever instance is asked.
    const proofs = urls.map(async (url) => {
      const answer = await fetch(`${url}/v1/custody/consistency?from=${before}&to=${before + 60}`);
      return { status: answer.status, text: await answer.text() };
    });
    const [atA, atB] = await Promise.all(proofs);
    expect(atA).toMatchObject({ status: 200 });
    expect(atB).toEqual(atA);
  });

  it('publish in turn: revisions of a document grow while both run, and after one has stopped', async () => {
    const instances = await open({ republishS: 1, documentLifeS: 60 });
    await instances.ready();
    const revision = async () => {
      const asked = 'select max(revision) as newest from doorsill_bridge.area_cells';
      return Number((await ground.postgres.ask(asked, instances.database))[0]?.['newest']);
    };
    const first = await revision();
    await expect.poll(revision, PATIENT).toBeGreaterThan(first + 2);
    await instances.fixture.bridge.stop();
    const last = await revision();
    await expect.poll(revision, PATIENT).toBeGreaterThan(last + 1);
  }, 180_000);
});

it('a shared database is refused to a second instance of the same name, to a single bridge and to another bridge', async () => {
  const instances = await open();
  const { fixture } = instances;
  const { instance, bridge } = fixture.options;
  if (!instance) throw new Error('instances have settings');
  const start = async (name: string, changes: Parameters<BridgeFixture['makeBridge']>[0]) => {
    const one = fixture.makeBridge({ dataFolder: join(fixture.folder, name), http: {}, ...changes });
    await one.start().finally(() => one.stop());
  };
  const secretsFolder = fixture.bridgeFolder;
  await expect(start('twin', { instance: { ...instance, secretsFolder } })).rejects.toMatchObject({
    code: 'database_busy',
  });
  const single = await BridgeFixture.open();
  opened.push(single);
  const alone = () => {
    const one = single.makeBridge({ ...bridge, dataFolder: join(single.folder, 'alone'), http: {} });
    return one.start().finally(() => one.stop());
  };
  await expect(alone()).rejects.toMatchObject({ code: 'database_busy' });
  const foreign = { ...instance, name: 'c', secretsFolder: single.bridgeFolder };
  await expect(start('foreign', { instance: foreign })).rejects.toMatchObject({ code: 'database_unfit' });
  await instances.b.stop();
  await fixture.bridge.stop();
  await expect(alone()).rejects.toMatchObject({ code: 'database_unfit' });
}, 90_000);
