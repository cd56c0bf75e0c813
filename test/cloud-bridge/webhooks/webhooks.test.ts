// Holds: an agency is told of its own requests and clips, signed, at least once and under one id, until it takes it or it is
// given up; nobody else is told anything, and no webhook reaches where it must not.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { webhookSignature } from '../../../cloud-bridge/webhooks/send.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import type { BridgeFixture } from '../../support/bridge-fixture.ts';
import { makeParty } from '../../support/parties.ts';
import type { WebhookReceiver } from '../../support/webhook-receiver.ts';
import { QUICK_WEBHOOKS, WEBHOOK_SECRET, WebhookRig } from '../../support/webhook-rig.ts';

let rig: WebhookRig;
let fixture: BridgeFixture;
let receiver: WebhookReceiver;
beforeEach(async () => {
  rig = await WebhookRig.open();
  ({ fixture, receiver } = rig);
});
afterEach(() => rig.close());

describe('an agency', () => {
  it('is told what becomes of its request and its clips, each under an id of its own, and signed', {
    tags: ['long'],
  }, async () => {
    await rig.set();
    const { token, id } = await rig.post();
    await fixture.enrol();
    const parcel = fixture.parcel(token);
    await fixture.deliver(parcel);
    await fixture.revoke(parcel);
    await rig.resolve(id);
    const told = ['request.published', 'clip.available', 'clip.revoked', 'request.resolved'];
    await rig.until(() => receiver.types.length === told.length);
    expect([...receiver.types].sort()).toEqual([...told].sort());
    const ids = receiver.received.map(({ headers, body }) => {
      const { id: event, request, clip } = JSON.parse(body);
      const atS = Number(headers['x-doorsill-timestamp']);
      expect(headers['x-doorsill-signature']).toBe(webhookSignature(WEBHOOK_SECRET, atS, body));
      expect(headers['x-doorsill-event']).toBe(event);
      expect([request, clip ?? parcel.clipId]).toEqual([id, parcel.clipId]);
      return event;
    });
    expect(new Set(ids).size).toBe(told.length);
    // Nothing in it names a home.
    const all = receiver.received.map(({ body }) => body).join();
    for (const word of ['Elm Street', fixture.cast.device.id, parcel.grant]) expect(all).not.toContain(word);
  });

  it('is told when a request ends by itself, once', async () => {
    await rig.set();
    await rig.post({ exp: fixture.cast.nowS() + 120 });
    await rig.until(() => receiver.types.length === 1);
    fixture.clock.shiftS += 3_600;
    await fixture.bridge.refreshRevocations();
    await rig.until(() => receiver.types.length === 2);
    expect(receiver.types).toEqual(['request.published', 'request.expired']);
    await fixture.bridge.stop();
    await fixture.startBridge();
    await new SystemClock().sleep(100);
    // A bridge that stops before it has noted an answer tells the same event again, under its id.
    const ids = receiver.received.map(({ headers }) => headers['x-doorsill-event']);
    expect(new Set(ids).size).toBe(2);
  });

  it('sees how telling it went, in pages, and never the secret', async () => {
    await rig.set();
    for (let count = 0; count < 3; count += 1) await rig.post();
    await rig.until(async () => (await rig.events()).events.filter(({ state }) => state === 'delivered').length === 3);
    const first = await rig.events('?limit=2');
    await rig.post();
    const rest = await rig.events(`?limit=2&cursor=${first.next}`);
    expect(new Set([...first.events, ...rest.events].map(({ event }) => event)).size).toBe(3);
    expect(rest.next).toBeNull();
    const { body } = await fixture.get('/v1/webhook', fixture.agencyCall({ action: 'see-webhook' }));
    expect(body).toMatchObject({ url: receiver.url });
    expect(JSON.stringify([body, first])).not.toContain(WEBHOOK_SECRET);
  });

  it('that removed it is not told any more, not even of what waits; an older call does not bring it back', async () => {
    receiver.status = 500;
    const old = fixture.agencyCall({ action: 'set-webhook', url: receiver.url, secret: WEBHOOK_SECRET });
    await fixture.send('PUT', '/v1/webhook', { authorization: `Bearer ${old}` });
    await rig.post();
    await rig.until(() => receiver.received.length === 1);
    fixture.clock.shiftS += 2;
    expect((await rig.remove()).status).toBe(204);
    const again = await fixture.send('PUT', '/v1/webhook', { authorization: `Bearer ${old}` });
    expect(again.body['code']).toBe('token_expired');
    expect((await fixture.get('/v1/webhook', fixture.agencyCall({ action: 'see-webhook' }))).body['code']).toBe(
      'webhook_unknown',
    );
    const count = receiver.received.length;
    await rig.post();
    await new SystemClock().sleep(150);
    expect(receiver.received).toHaveLength(count);
    expect((await rig.events()).events).toMatchObject([{ state: 'given-up', detail: 'removed' }]);
  });
});

describe('nobody else', () => {
  it('gets at it: another action’s call, a foreign one, a weak secret and an address that is not allowed are refused', async () => {
    const bearer = (call: object) => ({ authorization: `Bearer ${fixture.agencyCall(call)}` });
    const put = async (call: object) => (await fixture.send('PUT', '/v1/webhook', bearer(call))).body['code'];
    expect(await put({ action: 'see-webhook' })).toBe('token_unknown_claims');
    expect(await put({ action: 'set-webhook', url: receiver.url, secret: 'short' })).toBe('token_unknown_claims');
    for (const url of ['http://agency.example/', 'https://10.0.0.1/', 'https://[fd00::1]/hook', 'file:///etc/passwd']) {
      expect(await put({ action: 'set-webhook', url, secret: WEBHOOK_SECRET })).toBe('webhook_address_refused');
    }
    const stranger = makeParty('agency', fixture.random);
    expect((await rig.set(receiver.url, stranger)).body['code']).toBe('agency_unknown');
  });
});

describe('telling', () => {
  it('is not to this machine unless that is set, whatever was registered before, nor by a name that leads here', async () => {
    await rig.set(receiver.url.replace('127.0.0.1', 'localhost'));
    fixture.options.bridge = { webhooks: { ...QUICK_WEBHOOKS, loopback: false } };
    await fixture.bridge.stop();
    await fixture.startBridge();
    await rig.post();
    await rig.until(async () => (await rig.events()).events[0]?.['detail'] === 'webhook_address_refused');
    expect(receiver.received).toEqual([]);
  });
});
