// Holds: an agency is told of its own requests and clips, signed, at least once and under one id, until it takes it or it is
// given up; nobody else is told anything, and no webhook reaches where it must not.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { webhookSignature } from '../../../cloud-bridge/webhooks/send.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { freshId } from '../../../device/base/random.ts';
import { BridgeHouse, ShiftedClock } from '../../support/bridge-house.ts';
import { makeParty, type Party, textClaim } from '../../support/parties.ts';
import { WebhookReceiver } from '../../support/webhook-receiver.ts';

const SECRET = 'porch-'.padEnd(43, 'x');
const QUICK = { loopback: true, everyS: 0.02, retrySFirst: 1, retrySMost: 1, answerSMax: 0.2 };

let house: BridgeHouse;
let receiver: WebhookReceiver;
beforeEach(async () => {
  receiver = await WebhookReceiver.open();
  house = await BridgeHouse.open({ bridge: { webhooks: QUICK }, clock: new ShiftedClock() });
  await house.admitAgency();
});
afterEach(async () => {
  await house.close();
  await receiver.close();
});

const set = (url = receiver.url, agency: Party = house.cast.agency, secret = SECRET) =>
  house.send('PUT', '/v1/webhook', {
    authorization: `Bearer ${house.agencyCall({ action: 'set-webhook', url, secret }, agency)}`,
  });
const remove = () =>
  house.send('DELETE', '/v1/webhook', {
    authorization: `Bearer ${house.agencyCall({ action: 'remove-webhook' })}`,
  });
const events = async (query = '') => {
  const { body } = await house.get(`/v1/webhook/events${query}`, house.agencyCall({ action: 'see-webhook' }));
  return { events: body['events'] as Record<string, unknown>[], next: body['next'] };
};
const post = async (changes = {}) => {
  const token = house.cast.request({ investigation: freshId(house.random, 'case'), ...changes });
  expect((await house.post('/v1/requests', { request: token })).status).toBe(201);
  return { token, id: textClaim(token, 'jti') };
};
const resolve = (id: string) =>
  house.post(`/v1/requests/${id}/resolve`, {}, house.agencyCall({ action: 'resolve-request', request: id }));

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const clock = new SystemClock();
  const endMs = clock.monotonicMs() + 5_000;
  while (!(await what())) {
    if (clock.monotonicMs() > endMs) throw new Error(`it never came: ${receiver.types.join()}`);
    await clock.sleep(10);
  }
}

describe('an agency', () => {
  it('is told what becomes of its request and its clips, each under an id of its own, and signed', async () => {
    await set();
    const { token, id } = await post();
    await house.enrol();
    const parcel = house.parcel(token);
    await house.deliver(parcel);
    await house.revoke(parcel);
    await resolve(id);
    const told = ['request.published', 'clip.available', 'clip.revoked', 'request.resolved'];
    await until(() => receiver.types.length === told.length);
    expect([...receiver.types].sort()).toEqual([...told].sort());
    const ids = receiver.received.map(({ headers, body }) => {
      const { id: event, request, clip } = JSON.parse(body);
      const atS = Number(headers['x-doorsill-timestamp']);
      expect(headers['x-doorsill-signature']).toBe(webhookSignature(SECRET, atS, body));
      expect(headers['x-doorsill-event']).toBe(event);
      expect([request, clip ?? parcel.clipId]).toEqual([id, parcel.clipId]);
      return event;
    });
    expect(new Set(ids).size).toBe(told.length);
    // Nothing in it names a home.
    const all = receiver.received.map(({ body }) => body).join();
    for (const word of ['Elm Street', house.cast.device.id, parcel.grant]) expect(all).not.toContain(word);
  });

  it('is told when a request ends by itself, once', async () => {
    await set();
    await post({ exp: house.cast.nowS() + 120 });
    await until(() => receiver.types.length === 1);
    house.clock.shiftS += 3_600;
    await house.bridge.refreshRevocations();
    await until(() => receiver.types.length === 2);
    expect(receiver.types).toEqual(['request.published', 'request.expired']);
    await house.bridge.stop();
    await house.startBridge();
    await new SystemClock().sleep(100);
    expect(receiver.types).toHaveLength(2);
  });

  it('hears it again with the same id and the same bytes until it takes it, across a restart', async () => {
    receiver.status = 503;
    await set();
    await post();
    await until(() => receiver.received.length === 1);
    await until(async () => (await events()).events[0]?.['attempts'] === 1);
    await house.bridge.stop();
    await house.startBridge();
    await until(() => receiver.received.length >= 2);
    receiver.status = 204;
    await until(async () => (await events()).events[0]?.['state'] === 'delivered');
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    const count = receiver.received.length;
    await new SystemClock().sleep(100);
    expect(receiver.received).toHaveLength(count);
  });

  it('sees how telling it went, in pages, and never the secret', async () => {
    await set();
    for (let count = 0; count < 3; count += 1) await post();
    await until(async () => (await events()).events.filter(({ state }) => state === 'delivered').length === 3);
    const first = await events('?limit=2');
    await post();
    const rest = await events(`?limit=2&cursor=${first.next}`);
    expect(new Set([...first.events, ...rest.events].map(({ event }) => event)).size).toBe(3);
    expect(rest.next).toBeNull();
    const { body } = await house.get('/v1/webhook', house.agencyCall({ action: 'see-webhook' }));
    expect(body).toMatchObject({ url: receiver.url });
    expect(JSON.stringify([body, first])).not.toContain(SECRET);
  });

  it('that removed it is not told any more, not even of what waits; an older call does not bring it back', async () => {
    receiver.status = 500;
    const old = house.agencyCall({ action: 'set-webhook', url: receiver.url, secret: SECRET });
    await house.send('PUT', '/v1/webhook', { authorization: `Bearer ${old}` });
    await post();
    await until(() => receiver.received.length === 1);
    house.clock.shiftS += 2;
    expect((await remove()).status).toBe(204);
    const again = await house.send('PUT', '/v1/webhook', { authorization: `Bearer ${old}` });
    expect(again.body['code']).toBe('token_expired');
    expect((await house.get('/v1/webhook', house.agencyCall({ action: 'see-webhook' }))).body['code']).toBe(
      'webhook_unknown',
    );
    const count = receiver.received.length;
    await post();
    await new SystemClock().sleep(150);
    expect(receiver.received).toHaveLength(count);
    expect((await events()).events).toMatchObject([{ state: 'given-up', detail: 'removed' }]);
  });
});

describe('nobody else', () => {
  it('is told: not another agency with a webhook, not one whose access is revoked', async () => {
    const other = makeParty('agency', house.random);
    const others = await WebhookReceiver.open();
    await house.registry.register(
      house.registration(
        {
          name: 'Shelbyville Police',
          domain: 'shelbyville.example',
          contact: { name: 'Desk', email: 'desk@shelbyville.example' },
        },
        other,
      ),
    );
    await house.registry.approve(other.id);
    await set(others.url, other);
    receiver.status = 500;
    await set();
    await post();
    await until(() => receiver.received.length === 1);
    await house.registry.revoke(house.cast.agency.id);
    await house.bridge.refreshRevocations();
    receiver.status = 204;
    const count = receiver.received.length;
    await new SystemClock().sleep(1_300);
    expect(receiver.received.length).toBeLessThanOrEqual(count);
    expect(others.received).toEqual([]);
    await others.close();
  });

  it('gets at it: another action’s call, a foreign one, a weak secret and an address that is not allowed are refused', async () => {
    const bearer = (call: object) => ({ authorization: `Bearer ${house.agencyCall(call)}` });
    const put = async (call: object) => (await house.send('PUT', '/v1/webhook', bearer(call))).body['code'];
    expect(await put({ action: 'see-webhook' })).toBe('token_unknown_claims');
    expect(await put({ action: 'set-webhook', url: receiver.url, secret: 'short' })).toBe('token_unknown_claims');
    for (const url of ['http://agency.example/', 'https://10.0.0.1/', 'https://[fd00::1]/hook', 'file:///etc/passwd']) {
      expect(await put({ action: 'set-webhook', url, secret: SECRET })).toBe('webhook_address_refused');
    }
    const stranger = makeParty('agency', house.random);
    expect((await set(receiver.url, stranger)).body['code']).toBe('agency_unknown');
  });
});

describe('telling', () => {
  it('follows no redirect, waits for no answer for ever, and gives up after so many attempts', async () => {
    const inner = await WebhookReceiver.open();
    receiver.status = 302;
    receiver.location = inner.url;
    await set();
    await post();
    await until(async () => (await events()).events[0]?.['detail'] === 'status 302');
    receiver.status = 0;
    await until(async () => (await events()).events[0]?.['detail'] === 'no answer in time');
    expect(inner.received).toEqual([]);
    await inner.close();
    house.options.bridge = { webhooks: { ...QUICK, attemptsMax: 2 } };
    await house.bridge.stop();
    await house.startBridge();
    await until(async () => (await events()).events[0]?.['state'] === 'given-up');
  });

  it('is not to this machine unless that is set, whatever was registered before, nor by a name that leads here', async () => {
    await set(receiver.url.replace('127.0.0.1', 'localhost'));
    house.options.bridge = { webhooks: { ...QUICK, loopback: false } };
    await house.bridge.stop();
    await house.startBridge();
    await post();
    await until(async () => (await events()).events[0]?.['detail'] === 'webhook_address_refused');
    expect(receiver.received).toEqual([]);
  });
});
