// An event is sent again until it is accepted or given up, across a restart, and never to an agency without access. The waits are whole
// seconds, so these tests are apart.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { makeParty } from '../../support/parties.ts';
import { WebhookReceiver } from '../../support/webhook-receiver.ts';
import { QUICK_WEBHOOKS, WebhookRig } from '../../support/webhook-rig.ts';

let rig: WebhookRig;
beforeEach(async () => {
  rig = await WebhookRig.open();
});
afterEach(() => rig.close());

describe('an event', () => {
  it('is sent again with the same id and the same bytes until it is accepted, across a restart', async () => {
    rig.receiver.status = 503;
    await rig.set();
    await rig.post();
    await rig.until(() => rig.receiver.received.length === 1);
    await rig.until(async () => (await rig.events()).events[0]?.['attempts'] === 1);
    await rig.fixture.bridge.stop();
    await rig.fixture.startBridge();
    await rig.until(() => rig.receiver.received.length >= 2);
    rig.receiver.status = 204;
    await rig.until(async () => (await rig.events()).events[0]?.['state'] === 'delivered');
    expect(new Set(rig.receiver.received.map(({ body }) => body)).size).toBe(1);
    const count = rig.receiver.received.length;
    await new SystemClock().sleep(100);
    expect(rig.receiver.received).toHaveLength(count);
  });

  it('is sent to no other agency with a webhook, and not to one whose access is revoked', async () => {
    const other = makeParty('agency', rig.fixture.random);
    const others = await WebhookReceiver.open();
    await rig.fixture.registry.register(
      rig.fixture.registration(
        {
          name: 'Shelbyville Police',
          domain: 'shelbyville.example',
          contact: { name: 'Desk', email: 'desk@shelbyville.example' },
        },
        other,
      ),
    );
    await rig.fixture.registry.approve(other.id);
    await rig.set(others.url, other);
    rig.receiver.status = 500;
    await rig.set();
    await rig.post();
    await rig.until(() => rig.receiver.received.length === 1);
    await rig.fixture.registry.revoke(rig.fixture.cast.agency.id);
    await rig.fixture.bridge.refreshRevocations();
    rig.receiver.status = 204;
    const count = rig.receiver.received.length;
    await new SystemClock().sleep(1_300);
    expect(rig.receiver.received.length).toBeLessThanOrEqual(count);
    expect(others.received).toEqual([]);
    await others.close();
  });

  it('follows no redirect, waits a limited time for an answer, and is given up after a number of attempts', async () => {
    const inner = await WebhookReceiver.open();
    rig.receiver.status = 302;
    rig.receiver.location = inner.url;
    await rig.set();
    await rig.post();
    await rig.until(async () => (await rig.events()).events[0]?.['detail'] === 'status 302');
    rig.receiver.status = 0;
    await rig.until(async () => (await rig.events()).events[0]?.['detail'] === 'no answer in time');
    expect(inner.received).toEqual([]);
    await inner.close();
    rig.fixture.options.bridge = { webhooks: { ...QUICK_WEBHOOKS, attemptsMax: 2 } };
    await rig.fixture.bridge.stop();
    await rig.fixture.startBridge();
    await rig.until(async () => (await rig.events()).events[0]?.['state'] === 'given-up');
  });
});
