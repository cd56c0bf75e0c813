// A partner's channel is open while the partner is active. When it ends or is suspended, everything that came through it ends: tokens,
// requests, webhooks, requests open at the devices, and uploads under way.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { signatureOf } from '../../../cloud-bridge/partners/partners.ts';
import { verifySignature } from '../../../device/base/keys.ts';
import { freshId } from '../../../device/base/random.ts';
import { openToken } from '../../../device/contract/jws.ts';
import { AreaDocument } from '../../../device/contract/request.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../device/contract/topics.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { startBroker, type TestBroker } from '../../support/broker.ts';
import { textClaim } from '../../support/parties.ts';
import { Sqlite } from '../../support/sqlite.ts';

let fixture: BridgeFixture;
let secrets: { token: string; webhookSecret: string };
const admin = () => fixture.bridge.adminToken;
const plate = 'plate-watch';

async function ready(options = {}): Promise<void> {
  fixture = await BridgeFixture.open(options);
  await fixture.admitAgency();
  const { body } = await fixture.post('/v1/partners', { partner: plate, name: 'Plate Watch' }, admin());
  secrets = { token: String(body['token']), webhookSecret: String(body['webhookSecret']) };
}
const ask = (partner: string | undefined = plate) =>
  fixture.cast.request({
    investigation: freshId(fixture.random, 'case'),
    ...(partner === undefined ? {} : { partner }),
  });
const post = async (request: string, bearer = secrets.token, partner = plate) =>
  fixture.post(`/v1/partners/${partner}/requests`, { request }, bearer);
/** Posts it; a refusal ends the test with the bridge's reason. */
const accepted = async (request: string) => expect(await post(request)).toMatchObject({ status: 201 });
const status = (to: string, revision: number, partner = plate) =>
  fixture.post(`/v1/partners/${partner}/status`, { status: to, revision }, admin());
const webhook = (
  id: string,
  changes: { secret?: string; body?: string; signature?: string; partner?: string } = {},
) => {
  const meta = { version: '1', request_id: freshId(fixture.random, 'hook') };
  const body = changes.body ?? JSON.stringify({ meta, data: { type: 'request_resolved', id } });
  const signature = changes.signature ?? signatureOf(changes.secret ?? secrets.webhookSecret, body);
  const headers = { 'content-type': 'application/json', 'x-signature': signature };
  return fixture.send('POST', `/v1/partners/${changes.partner ?? plate}/webhooks`, headers, body);
};
const state = async (id: string) =>
  (await fixture.get(`/v1/requests/${id}`, fixture.agencyCall({ action: 'see-request', request: id }))).body;

describe('a partner', () => {
  beforeEach(() => ready());
  afterEach(() => fixture.close());

  it('posts requests that name it, with its own token; no other token can', async () => {
    const request = ask();
    expect(await post(request)).toMatchObject({ status: 201, body: { state: 'published' } });
    expect(await post(request)).toMatchObject({ status: 201, body: { state: 'published' } });
    expect((await post(ask(), 'x'.repeat(43))).body['code']).toBe('http_unauthorised');
    expect((await post(ask(), admin())).body['code']).toBe('http_unauthorised');
    expect((await post(fixture.cast.request())).body['code']).toBe('token_unknown_claims');
    expect((await post(ask('another-one'))).body['code']).toBe('partner_unknown');
    expect((await fixture.post('/v1/requests', { request: ask() })).body['code']).toBe('http_unauthorised');
    expect((await fixture.post('/v1/requests', { request: ask('nobody') })).body['code']).toBe('partner_unknown');
    expect((await post(ask(), secrets.token, 'nobody')).body['code']).toBe('partner_unknown');
  });

  it('reports by a signed webhook that an investigation is over, for its own requests alone, any number of times', async () => {
    const request = ask();
    const id = textClaim(request, 'jti');
    await accepted(request);
    expect((await webhook(id, { secret: 'guess' })).body['code']).toBe('partner_signature');
    expect((await webhook(id, { signature: 'sha256=' })).body['code']).toBe('partner_signature');
    expect((await webhook(id, { signature: signatureOf('', '{}') })).body['code']).toBe('partner_signature');
    expect((await webhook(id, { body: '{"a":' })).body['code']).toBe('http_body_invalid');
    expect((await webhook('request-other')).body['code']).toBe('request_not_live');
    expect(await state(id)).toMatchObject({ state: 'published' });
    for (let round = 0; round < 2; round += 1) {
      expect(await webhook(id)).toMatchObject({ status: 200, body: { request: id, state: 'resolved' } });
    }
    const own = fixture.cast.request();
    await fixture.post('/v1/requests', { request: own });
    expect((await webhook(textClaim(own, 'jti'))).body['code']).toBe('request_not_live');
  });

  it('that is suspended is refused, and its open requests end and stay ended when the partner is back', async () => {
    const request = ask();
    const id = textClaim(request, 'jti');
    await accepted(request);
    const ended = { state: 'cancelled', reason: 'partner-suspended' };
    expect((await status('suspended', 1)).body).toMatchObject({ status: 'suspended', cancelled: 1 });
    expect(await post(ask())).toMatchObject({ status: 403, body: { code: 'partner_suspended', retryable: false } });
    expect((await webhook(id)).body['code']).toBe('partner_suspended');
    expect(await state(id)).toMatchObject(ended);
    expect((await status('active', 2)).body).toMatchObject({ status: 'active', cancelled: 0 });
    expect((await post(ask())).status).toBe(201);
    // The same bytes change nothing: a new request is needed.
    expect((await post(request)).body).toMatchObject(ended);
    expect(await state(id)).toMatchObject(ended);
  });

  it('that is suspended keeps requests that were not published yet; they can be published once it is back', async () => {
    await fixture.close();
    await ready({ bridge: { requests: { moderation: 'everything' } } });
    const request = ask();
    const id = textClaim(request, 'jti');
    await accepted(request);
    expect((await status('suspended', 1)).body).toMatchObject({ cancelled: 0 });
    const approve = () => fixture.post(`/v1/moderation/${id}/approve`, { revision: 1 }, admin());
    expect((await approve()).body['code']).toBe('partner_suspended');
    await status('active', 2);
    expect((await approve()).body).toMatchObject({ state: 'published' });
  });

  it('that is suspended has no open request in the public feed', async () => {
    const request = ask();
    await accepted(request);
    const feed = z.object({ items: z.array(z.object({ id: z.string(), _doorsill: z.object({ state: z.string() }) })) });
    const shown = async () => {
      const { items } = feed.parse((await fixture.get('/neighbors/feed.json')).body);
      const page = JSON.stringify((await fixture.get(`/neighbors/posts/${textClaim(request, 'jti')}`)).body);
      return [items.map(({ _doorsill }) => _doorsill.state), />open</.test(page)];
    };
    expect(await shown()).toEqual([['published'], true]);
    await status('suspended', 1);
    expect(await shown()).toEqual([['cancelled'], false]);
    await status('active', 2);
    expect(await shown()).toEqual([['cancelled'], false]);
  });

  it('that an older version suspended has nothing open either, once this version has started', async () => {
    await fixture.enrol();
    const request = ask();
    const id = textClaim(request, 'jti');
    await accepted(request);
    await fixture.bridge.stop();
    // A suspension changed only the status then.
    const database = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'));
    database.prepare("update partners set status = 'suspended', revision = 2 where partner = ?").run(plate);
    database.close();
    await fixture.startBridge();
    expect(await state(id)).toMatchObject({ state: 'cancelled', reason: 'partner-suspended' });
    await status('active', 2);
    expect((await fixture.openIntake(fixture.parcel(request))).body['code']).toBe('request_not_live');
  });

  it('that has ended cannot be used any more, anywhere', async () => {
    const request = ask();
    await accepted(request);
    expect((await status('ended', 1)).body).toMatchObject({ status: 'ended', cancelled: 1 });
    const today = new Date(fixture.clock.wallUs() / 1_000).toISOString().slice(0, 10);
    for (const answer of [
      await post(ask()),
      await post(ask(), 'x'.repeat(43)),
      await fixture.post('/v1/requests', { request: ask() }),
      await webhook(textClaim(request, 'jti')),
      await webhook(textClaim(request, 'jti'), { secret: '' }),
      await fixture.post(`/v1/partners/${plate}/tokens`, {}, admin()),
      await status('active', 2),
    ]) {
      expect([answer.status, answer.body['code'], answer.body['facts']]).toEqual([
        ...[410, 'partner_ended', { partner: 'Plate Watch', since: today }],
      ]);
    }
    expect(await state(textClaim(request, 'jti'))).toMatchObject({ state: 'cancelled', reason: 'partner-ended' });
    expect((await fixture.post('/v1/partners', { partner: plate, name: 'Again' }, admin())).body['code']).toBe(
      'partner_changed',
    );
  });

  it('takes the decision of one of two operators', async () => {
    expect((await status('suspended', 9)).body['code']).toBe('partner_changed');
    const [one, two] = await Promise.all([status('suspended', 1), status('ended', 1)]);
    expect([one.body['code'], two.body['code']].filter((code) => code === 'partner_changed')).toHaveLength(1);
    expect((await status('ended', 1, 'nobody')).body['code']).toBe('partner_unknown');
    expect(
      (await fixture.post(`/v1/partners/${plate}/status`, { status: 'active', revision: 1 }, 'x'.repeat(43))).status,
    ).toBe(401);
  });

  it('can be given new secrets, and the old ones are invalid', async () => {
    const { body } = await fixture.post(`/v1/partners/${plate}/tokens`, {}, admin());
    expect((await post(ask())).body['code']).toBe('http_unauthorised');
    expect((await post(ask(), String(body['token']))).status).toBe(201);
  });

  it('is listed for everybody without its secrets', async () => {
    const { body } = await fixture.get('/v1/partners');
    expect(body['partners']).toEqual([
      { partner: 'flock-safety', name: 'Flock Safety', status: 'ended', since: '2026-02-12' },
      { partner: plate, name: 'Plate Watch', status: 'active', since: expect.any(String) },
    ]);
  });

  it('such as flock-safety, whose partnership had ended before, is refused everywhere and cannot be entered again', async () => {
    const flock = 'flock-safety';
    for (const answer of [
      await post(ask(flock), secrets.token, flock),
      await fixture.post('/v1/requests', { request: ask(flock) }),
      await webhook('request-1', { partner: flock }),
      await fixture.post('/v1/partners', { partner: flock, name: 'Flock' }, admin()),
      await fixture.post(`/v1/partners/${flock}/tokens`, {}, admin()),
      await status('active', 1, flock),
      await fixture.get(`/v1/partners/${flock}`, admin()),
    ]) {
      expect([answer.status, answer.body['code'], answer.body['facts']]).toEqual([
        ...[410, 'partner_ended', { partner: 'Flock Safety', since: '2026-02-12' }],
      ]);
    }
  });

  it('that is suspended during an upload gets nothing of it, then or when it is back', async () => {
    await fixture.enrol();
    const request = ask();
    await accepted(request);
    const [parcel, late] = [fixture.parcel(request), fixture.parcel(request)];
    expect((await fixture.openIntake(parcel)).status).toBe(200);
    const path = await fixture.create(parcel);
    expect((await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 500))).status).toBe(204);
    await status('suspended', 1);
    for (const answer of [
      await fixture.patch(parcel, path, 500, parcel.clip.subarray(500)),
      await fixture.openIntake(late),
    ]) {
      expect([answer.status, answer.body['code'], answer.body['retryable']]).toEqual([403, 'partner_suspended', false]);
    }
    await status('active', 2);
    for (const answer of [
      await fixture.patch(parcel, path, 500, parcel.clip.subarray(500)),
      await fixture.openIntake(late),
    ]) {
      expect([answer.status, answer.body['code']]).toEqual([410, 'request_not_live']);
    }
    expect((await fixture.get('/v1/clips', fixture.access('all'))).body).toEqual({ clips: [], next: null });
  });

  it('that ends during an upload gets nothing of it: no further byte is taken, and the staged bytes are deleted', async () => {
    await fixture.enrol();
    const request = ask();
    await accepted(request);
    const [parcel, late] = [fixture.parcel(request), fixture.parcel(request)];
    expect((await fixture.openIntake(parcel)).status).toBe(200);
    const path = await fixture.create(parcel);
    expect((await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 500))).status).toBe(204);
    await status('ended', 1);
    for (const answer of [
      await fixture.patch(parcel, path, 500, parcel.clip.subarray(500)),
      await fixture.openIntake(late),
    ]) {
      expect([answer.status, answer.body['code']]).toEqual([410, 'partner_ended']);
    }
    expect((await fixture.get('/v1/clips', fixture.access('all'))).body).toEqual({ clips: [], next: null });
  });

  it('that ends when all bytes have arrived and nothing was published yet gets no clip', async () => {
    await fixture.enrol();
    const request = ask();
    await accepted(request);
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 100));
    // Its last bytes arrived just before a crash.
    await writeFile(join(fixture.bridgeFolder, 'staging', path.split('/').at(-1) ?? ''), parcel.clip);
    await status('ended', 1);
    const answer = await fixture.status(parcel);
    expect(answer.body['state']).toBe('deleted');
    expect((await fixture.get('/v1/clips', fixture.access('all'))).body).toEqual({ clips: [], next: null });
  });
});

describe('at the devices', () => {
  let broker: TestBroker;
  beforeEach(async () => {
    broker = await startBroker({});
    await ready({ areaUrl: broker.url, accounts: broker.accounts });
  });
  afterEach(async () => {
    await fixture.close();
    await broker.stop();
  });

  it('the requests of a partner that ends or is suspended are cancelled, and stay cancelled when it is back', async () => {
    const heard: AreaDocument[] = [];
    let wake = () => {};
    const device = await broker.link({ role: 'device-area', id: fixture.cast.device.id });
    device.subscribe([topicsUnder(DEFAULT_PREFIX).areaRequests(fixture.cast.cell, 1)], ({ payload }) => {
      const opened = openToken(new TextDecoder().decode(payload), {
        typ: 'doorsill-area+jws',
        schema: AreaDocument,
        audience: 'public',
        keys: [fixture.cast.bridge.key.publicKey],
        verify: verifySignature,
      });
      if (opened.ok) heard.push(opened.claims);
      wake();
    });
    const until = async (fits: (document: AreaDocument) => boolean) => {
      while (!heard.some(fits)) await new Promise<void>((resolve) => (wake = resolve));
      heard.length = 0;
    };
    device.start();
    const request = ask();
    const id = textClaim(request, 'jti');
    await accepted(request);
    await until(({ requests }) => requests.some((one) => one.request === request));
    await status('suspended', 1);
    await until(({ requests, cancelled }) => requests.length === 0 && cancelled.includes(id));
    await status('active', 2);
    await until(({ requests, cancelled }) => requests.length === 0 && cancelled.includes(id));
    const again = ask();
    await post(again);
    await until(({ requests, cancelled }) => requests.some((one) => one.request === again) && cancelled.includes(id));
    await status('ended', 3);
    const both = [id, textClaim(again, 'jti')];
    await until(({ requests, cancelled }) => requests.length === 0 && both.every((one) => cancelled.includes(one)));
  });
});
