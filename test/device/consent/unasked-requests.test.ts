// A request that concerns this home and that its owners cannot be asked about is reported to them and the log, with the reason, and to
// nobody else.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { textClaim } from '../../support/parties.ts';
import { GateRig } from './gate-rig.ts';

let rig: GateRig;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
});
afterEach(() => rig.close());

const warned = () => rig.logged.filter(({ message }) => message === 'owners cannot be asked about a request');
/** A clock that is two hours ahead makes a document that lives an hour seem two hours old. */
const twoHoursAgo = () => ({ iat: rig.cast.nowS() - 7_200, exp: rig.cast.nowS() - 3_600 });

it('reports all requests as held while the bridge’s document is outdated, until a current one arrives', async () => {
  const late = rig.cast.areaDocument([rig.cast.published()], twoHoursAgo());
  await rig.area(late);
  await rig.area(late);
  expect(rig.gate.unasked()).toEqual([
    { code: 'area_outdated', detail: expect.stringContaining('clock shows 2026-11-25 12:00 UTC') },
  ]);
  expect(warned()).toMatchObject([{ facts: { request: 'all', code: 'area_outdated' } }]);
  expect(rig.effects.notices).toEqual([]);
  await rig.publish();
  expect([rig.gate.unasked(), rig.effects.notices.length]).toEqual([[], 1]);
  // An older one that a broker repeats does not affect known requests.
  await rig.area(late);
  expect(rig.gate.unasked()).toEqual([]);
});

it('reports a request that had expired, by the doorbell’s clock, before anyone could be asked', async () => {
  const request = rig.cast.request(twoHoursAgo());
  await rig.publish(request);
  const id = textClaim(request, 'jti');
  expect(rig.gate.unasked()).toMatchObject([
    { request: id, code: 'consent_request_expired', detail: expect.stringContaining('clock shows') },
  ]);
  expect(warned()).toMatchObject([{ facts: { request: id } }]);
});

it('reports why a request is held that arrived without a revocation list, and asks once there is one', async () => {
  await rig.close();
  rig = await GateRig.open();
  await rig.boot();
  const { bridge, registry } = rig.cast;
  await rig.gate.enrol({ bridge: bridge.id, bridgeKey: bridge.key.publicKey, registryKey: registry.key.publicKey });
  const request = await rig.publish();
  await rig.clock.advance(14_000);
  expect(rig.gate.unasked()).toEqual([]);
  await rig.clock.advance(31_000);
  const id = textClaim(request, 'jti');
  expect(rig.gate.unasked()).toMatchObject([{ request: id, code: 'consent_revocations_stale' }]);
  await rig.revocations();
  expect([rig.gate.unasked(), rig.effects.notices.length]).toEqual([[], 1]);
});

it('reports nothing about a request that does not concern this home, nor about one that its owners were asked about', async () => {
  const far: [number, number][] = [
    [20, 60],
    [20.001, 60],
    [20.001, 60.001],
    [20, 60],
  ];
  await rig.publish(rig.cast.request({ area: { type: 'Polygon', coordinates: [far] }, ...twoHoursAgo() }));
  const asked = await rig.publish(rig.cast.request({ exp: rig.cast.nowS() + 60 }));
  await rig.clock.advance(90_000);
  expect(rig.gate.openRequests()).toEqual([]);
  expect([rig.gate.unasked(), warned()]).toEqual([[], []]);
  expect(rig.effects.notices.map(({ published }) => published.request)).toEqual([asked]);
});
