// Holds: an event is told again until it is taken or given up, across a restart, and never to an agency that may not act. Waits are
// whole seconds, which is why these are apart (webhooks.test.ts has the rest).
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import type { BridgeFixture } from '../../support/bridge-fixture.ts';
import { makeParty } from '../../support/parties.ts';
import { WebhookReceiver } from '../../support/webhook-receiver.ts';
import { QUICK_WEBHOOKS, WebhookRig } from '../../support/webhook-rig.ts';

let rig: WebhookRig;
let fixture: BridgeFixture;
let receiver: WebhookReceiver;
beforeEach(async () => {
  rig = await WebhookRig.open();
  ({ fixture, receiver } = rig);
});
afterEach(() => rig.close());

describe('an event', () => {
  it('is told again with the same id and the same bytes until it is taken, across a restart', async () => {
    receiver.status = 503;
    await rig.set();
    await rig.post();
    await rig.until(() => receiver.received.length === 1);
    await rig.until(async () => (await rig.events()).events[0]?.['attempts'] === 1);
    await fixture.bridge.stop();
    await fixture.startBridge();
    await rig.until(() => receiver.received.length >= 2);
    receiver.status = 204;
    await rig.until(async () => (await rig.events()).events[0]?.['state'] === 'delivered');
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    const count = receiver.received.length;
    await new SystemClock().sleep(100);
    expect(receiver.received).toHaveLength(count);
  });

  it('is told to no other agency with a webhook, and not to one whose access is revoked', async () => {
    const other = makeParty('agency', fixture.random);
    const others = await WebhookReceiver.open();
    await fixture.registry.register(
      fixture.registration(
        {
          name: 'Shelbyville Police',
          domain: 'shelbyville.example',
          contact: { name: 'Desk', email: 'desk@shelbyville.example' },
        },
        other,
      ),
    );
    await fixture.registry.approve(other.id);
    await rig.set(others.url, other);
    receiver.status = 500;
    await rig.set();
    await rig.post();
    await rig.until(() => receiver.received.length === 1);
    await fixture.registry.revoke(fixture.cast.agency.id);
    await fixture.bridge.refreshRevocations();
    receiver.status = 204;
    const count = receiver.received.length;
    await new SystemClock().sleep(1_300);
    expect(receiver.received.length).toBeLessThanOrEqual(count);
    expect(others.received).toEqual([]);
    await others.close();
  });

  it('follows no redirect, waits for no answer for ever, and is given up after so many attempts', async () => {
    const inner = await WebhookReceiver.open();
    receiver.status = 302;
    receiver.location = inner.url;
    await rig.set();
    await rig.post();
    await rig.until(async () => (await rig.events()).events[0]?.['detail'] === 'status 302');
    receiver.status = 0;
    await rig.until(async () => (await rig.events()).events[0]?.['detail'] === 'no answer in time');
    expect(inner.received).toEqual([]);
    await inner.close();
    fixture.options.bridge = { webhooks: { ...QUICK_WEBHOOKS, attemptsMax: 2 } };
    await fixture.bridge.stop();
    await fixture.startBridge();
    await rig.until(async () => (await rig.events()).events[0]?.['state'] === 'given-up');
  });
});
