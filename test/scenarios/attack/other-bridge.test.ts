// After a device has moved, nothing of a consent given to the former bridge reaches the new one.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemRandom } from '../../../device/base/random.ts';
import { Uploader } from '../../../device/upload/upload.ts';
import { type Errand, makeErrand, Sender } from '../../device/upload/support/sender.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { type CountingProxy, startCountingProxy } from '../../support/counting-proxy.ts';
import { makeParty } from '../../support/parties.ts';

let fixture: BridgeFixture;
let sender: Sender;
let proxy: CountingProxy;
let errand: Errand;
let uploader: Uploader;
beforeEach(async () => {
  fixture = await BridgeFixture.open();
  const request = await fixture.ready();
  sender = await Sender.open(fixture);
  proxy = await startCountingProxy(Number(new URL(fixture.bridge.url).port));
  errand = makeErrand(fixture, request, 100_000);
  const other = makeParty('bridge', new SystemRandom());
  const { cast, clock, random } = fixture;
  uploader = new Uploader({
    device: cast.device,
    outbox: sender.outbox,
    bridge: () => ({ url: proxy.url, id: other.id, key: other.key.publicKey }),
    progress: () => undefined,
    clock,
    random,
    log: sender.log,
  });
});
afterEach(async () => {
  await proxy.stop();
  await sender.close();
  await fixture.close();
});

it('a sealed clip stays on the device', async () => {
  const item = await sender.seal(errand);
  await expect(uploader.send(errand.live, item)).rejects.toMatchObject({ code: 'device_moved' });
  expect(proxy.sentBytes).toBe(0);
});

it('a revocation is not sent to a bridge that it does not concern', async () => {
  const revocation = fixture.cast.revoke(errand.parcel.grantToken);
  const sent = uploader.revoke(
    errand.parcel.grant,
    { revocation, homeRecall: null },
    fixture.cast.bridge.id,
    new AbortController().signal,
  );
  await expect(sent).rejects.toMatchObject({ code: 'device_moved' });
  expect(proxy.sentBytes).toBe(0);
});
