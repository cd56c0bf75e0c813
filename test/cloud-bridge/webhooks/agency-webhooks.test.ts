// An agency gets signed events of its own requests and clips, at least once and under one id; nobody else gets any, and no webhook is sent
// to an address that is not public.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { webhookSignature } from '../../../cloud-bridge/webhooks/send-webhook.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { makeParty } from '../../support/parties.ts';
import { QUICK_WEBHOOKS, WEBHOOK_SECRET, WebhookRig } from '../../support/webhook-rig.ts';

let rig: WebhookRig;
beforeEach(async () => {
  rig = await WebhookRig.open();
});
afterEach(() => rig.close());

describe('an agency', () => {
  it('gets signed events of its request and its clips, each under its own id', {
    tags: ['long'],
  }, async () => {
    await rig.set();
    const { token, id } = await rig.post();
    await rig.fixture.enrol();
    const parcel = rig.fixture.parcel(token);
    await rig.fixture.deliver(parcel);
    await rig.fixture.revoke(parcel);
    await rig.resolve(id);
    const told = ['request.published', 'clip.available', 'clip.revoked', 'request.resolved'];
    await rig.until(() => rig.receiver.types.length === told.length);
    expect([...rig.receiver.types].sort()).toEqual([...told].sort());
    const ids = rig.receiver.received.map(({ headers, body }) => {
      const { id: event, request, clip } = JSON.parse(body);
      const atS = Number(headers['x-doorsill-timestamp']);
      expect(headers['x-doorsill-signature']).toBe(webhookSignature(WEBHOOK_SECRET, atS, body));
      expect(headers['x-doorsill-event']).toBe(event);
      expect([request, clip ?? parcel.clipId]).toEqual([id, parcel.clipId]);
      return event;
    });
    expect(new Set(ids).size).toBe(told.length);
    // Nothing in it names a home.
    const all = rig.receiver.received.map(({ body }) => body).join();
    for (const word of ['Elm Street', rig.fixture.cast.device.id, parcel.grant]) expect(all).not.toContain(word);
  });

  it('gets one event when a request ends by itself', async () => {
    await rig.set();
    await rig.post({ exp: rig.fixture.cast.nowS() + 120 });
    await rig.until(() => rig.receiver.types.length === 1);
    rig.fixture.clock.shiftS += 3_600;
    await rig.fixture.bridge.refreshRevocations();
    await rig.until(() => rig.receiver.types.length === 2);
    expect(rig.receiver.types).toEqual(['request.published', 'request.expired']);
    await rig.fixture.bridge.stop();
    await rig.fixture.startBridge();
    await new SystemClock().sleep(100);
    // A bridge that stops before it has recorded an answer sends the same event again, under its id.
    const ids = rig.receiver.received.map(({ headers }) => headers['x-doorsill-event']);
    expect(new Set(ids).size).toBe(2);
  });

  it('sees the result of each delivery, in pages, and never the secret', async () => {
    await rig.set();
    for (let count = 0; count < 3; count += 1) await rig.post();
    await rig.until(async () => (await rig.events()).events.filter(({ state }) => state === 'delivered').length === 3);
    const first = await rig.events('?limit=2');
    await rig.post();
    const rest = await rig.events(`?limit=2&cursor=${first.next}`);
    expect(new Set([...first.events, ...rest.events].map(({ event }) => event)).size).toBe(3);
    expect(rest.next).toBeNull();
    const { body } = await rig.fixture.get('/v1/webhook', rig.fixture.agencyCall({ action: 'see-webhook' }));
    expect(body).toMatchObject({ url: rig.receiver.url });
    expect(JSON.stringify([body, first])).not.toContain(WEBHOOK_SECRET);
  });

  it('that removed its webhook gets no event any more, not even waiting ones; an older call does not bring it back', async () => {
    rig.receiver.status = 500;
    const old = rig.fixture.agencyCall({ action: 'set-webhook', url: rig.receiver.url, secret: WEBHOOK_SECRET });
    await rig.fixture.send('PUT', '/v1/webhook', { authorization: `Bearer ${old}` });
    await rig.post();
    await rig.until(() => rig.receiver.received.length === 1);
    rig.fixture.clock.shiftS += 2;
    expect((await rig.remove()).status).toBe(204);
    const again = await rig.fixture.send('PUT', '/v1/webhook', { authorization: `Bearer ${old}` });
    expect(again.body['code']).toBe('token_expired');
    expect((await rig.fixture.get('/v1/webhook', rig.fixture.agencyCall({ action: 'see-webhook' }))).body['code']).toBe(
      'webhook_unknown',
    );
    const count = rig.receiver.received.length;
    await rig.post();
    await new SystemClock().sleep(150);
    expect(rig.receiver.received).toHaveLength(count);
    expect((await rig.events()).events).toMatchObject([{ state: 'given-up', detail: 'removed' }]);
  });
});

describe('nobody else', () => {
  it('can set it: a call for another action, a foreign one, a weak secret and a disallowed address are refused', async () => {
    const bearer = (call: object) => ({ authorization: `Bearer ${rig.fixture.agencyCall(call)}` });
    const put = async (call: object) => (await rig.fixture.send('PUT', '/v1/webhook', bearer(call))).body['code'];
    expect(await put({ action: 'see-webhook' })).toBe('token_unknown_claims');
    expect(await put({ action: 'set-webhook', url: rig.receiver.url, secret: 'short' })).toBe('token_unknown_claims');
    for (const url of ['http://agency.example/', 'https://10.0.0.1/', 'https://[fd00::1]/hook', 'file:///etc/passwd']) {
      expect(await put({ action: 'set-webhook', url, secret: WEBHOOK_SECRET })).toBe('webhook_address_refused');
    }
    const stranger = makeParty('agency', rig.fixture.random);
    expect((await rig.set(rig.receiver.url, stranger)).body['code']).toBe('agency_unknown');
  });
});

describe('delivery', () => {
  it('does not reach this machine unless that is set, whatever was registered before, nor by a name that resolves to it', async () => {
    await rig.set(rig.receiver.url.replace('127.0.0.1', 'localhost'));
    rig.fixture.options.bridge = { webhooks: { ...QUICK_WEBHOOKS, loopback: false } };
    await rig.fixture.bridge.stop();
    await rig.fixture.startBridge();
    await rig.post();
    await rig.until(async () => (await rig.events()).events[0]?.['detail'] === 'webhook_address_refused');
    expect(rig.receiver.received).toEqual([]);
  });
});
